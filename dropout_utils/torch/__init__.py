"""Networks with dropout in PyTorch: the same names as :mod:`dropout_utils.numpy`, for use."""

from dropout_utils.torch.concrete import ConcreteDropout, concrete_dropout, concrete_kl
from dropout_utils.torch.dropout import Dropout, dropout
from dropout_utils.torch.monte_carlo import MonteCarlo, is_stochastic, monte_carlo, monte_carlo_mode
from dropout_utils.torch.networks import MLP, ConvNet, Dense
from dropout_utils.torch.schedules import Scheduler
from dropout_utils.torch.studies import train_convnet, train_transformer
from dropout_utils.torch.training import accuracy, cross_entropy, optimizer, train
from dropout_utils.torch.transformer import (
    DecoderBlock,
    EncoderBlock,
    FeedForward,
    LayerNorm,
    Linear,
    MultiHeadAttention,
    Rates,
    VisionTransformer,
    causal_mask,
)

__all__ = [
    "MLP",
    "ConcreteDropout",
    "ConvNet",
    "DecoderBlock",
    "Dense",
    "Dropout",
    "EncoderBlock",
    "FeedForward",
    "LayerNorm",
    "Linear",
    "MonteCarlo",
    "MultiHeadAttention",
    "Rates",
    "Scheduler",
    "VisionTransformer",
    "accuracy",
    "causal_mask",
    "concrete_dropout",
    "concrete_kl",
    "cross_entropy",
    "dropout",
    "is_stochastic",
    "monte_carlo",
    "monte_carlo_mode",
    "optimizer",
    "train",
    "train_convnet",
    "train_transformer",
]
