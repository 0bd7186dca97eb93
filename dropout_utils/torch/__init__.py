"""Networks with dropout in PyTorch: the same names as :mod:`dropout_utils.numpy`, for use."""

from dropout_utils.torch.adaptive import train_adaptive
from dropout_utils.torch.attention import MultiHeadAttention, causal_mask
from dropout_utils.torch.concrete import ConcreteDropout, concrete_dropout, concrete_kl
from dropout_utils.torch.connect import (
    DropConnect,
    drop_connect,
    drop_connect_inference,
    drop_connect_moments,
)
from dropout_utils.torch.depth import DropPath, LayerDrop, drop_path, layer_drop, linear_decay
from dropout_utils.torch.dropout import Dropout, dropout
from dropout_utils.torch.gaussian import AlphaDropout, GaussianDropout, alpha_dropout, gaussian_dropout
from dropout_utils.torch.heads import AttentionDropout, DropHead, attention_dropout, drop_head
from dropout_utils.torch.language import Texts, train_language_model
from dropout_utils.torch.layers import LayerNorm, Linear
from dropout_utils.torch.monte_carlo import MonteCarlo, is_stochastic, monte_carlo, monte_carlo_mode
from dropout_utils.torch.networks import MLP, ConvNet, Dense
from dropout_utils.torch.recurrent import LockedDropout, VariationalRNN, locked_dropout
from dropout_utils.torch.schedules import Scheduler
from dropout_utils.torch.spatial import (
    DropBlock1d,
    DropBlock2d,
    MaxPoolDropout1d,
    MaxPoolDropout2d,
    SpatialDropout1d,
    SpatialDropout2d,
    drop_block1d,
    drop_block2d,
    max_pool_dropout1d,
    max_pool_dropout2d,
    spatial_dropout1d,
    spatial_dropout2d,
)
from dropout_utils.torch.standout import Standout, standout
from dropout_utils.torch.studies import train_convnet, train_transformer
from dropout_utils.torch.tokens import TokenDropout, WordDropout, token_dropout, word_dropout
from dropout_utils.torch.training import accuracy, cross_entropy, optimizer, train
from dropout_utils.torch.transformer import (
    DecoderBlock,
    EncoderBlock,
    FeedForward,
    LanguageModel,
    Rates,
    VisionTransformer,
)

__all__ = [
    "MLP",
    "AlphaDropout",
    "AttentionDropout",
    "ConcreteDropout",
    "ConvNet",
    "DecoderBlock",
    "Dense",
    "DropBlock1d",
    "DropBlock2d",
    "DropConnect",
    "DropHead",
    "DropPath",
    "Dropout",
    "EncoderBlock",
    "FeedForward",
    "GaussianDropout",
    "LanguageModel",
    "LayerDrop",
    "LayerNorm",
    "Linear",
    "LockedDropout",
    "MaxPoolDropout1d",
    "MaxPoolDropout2d",
    "MonteCarlo",
    "MultiHeadAttention",
    "Rates",
    "Scheduler",
    "SpatialDropout1d",
    "SpatialDropout2d",
    "Standout",
    "Texts",
    "TokenDropout",
    "VariationalRNN",
    "VisionTransformer",
    "WordDropout",
    "accuracy",
    "alpha_dropout",
    "attention_dropout",
    "causal_mask",
    "concrete_dropout",
    "concrete_kl",
    "cross_entropy",
    "drop_block1d",
    "drop_block2d",
    "drop_connect",
    "drop_connect_inference",
    "drop_connect_moments",
    "drop_head",
    "drop_path",
    "dropout",
    "gaussian_dropout",
    "is_stochastic",
    "layer_drop",
    "linear_decay",
    "locked_dropout",
    "max_pool_dropout1d",
    "max_pool_dropout2d",
    "monte_carlo",
    "monte_carlo_mode",
    "optimizer",
    "spatial_dropout1d",
    "spatial_dropout2d",
    "standout",
    "token_dropout",
    "train",
    "train_adaptive",
    "train_convnet",
    "train_language_model",
    "train_transformer",
    "word_dropout",
]
