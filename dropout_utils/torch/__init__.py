"""Networks with dropout in PyTorch: the same names as :mod:`dropout_utils.numpy`, for use."""

from dropout_utils.torch.dropout import Dropout, dropout
from dropout_utils.torch.networks import MLP, ConvNet, Dense
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
    "ConvNet",
    "DecoderBlock",
    "Dense",
    "Dropout",
    "EncoderBlock",
    "FeedForward",
    "LayerNorm",
    "Linear",
    "MultiHeadAttention",
    "Rates",
    "VisionTransformer",
    "accuracy",
    "causal_mask",
    "cross_entropy",
    "dropout",
    "optimizer",
    "train",
    "train_convnet",
    "train_transformer",
]
