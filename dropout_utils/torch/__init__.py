"""Networks with dropout in PyTorch: the same names as :mod:`dropout_utils.numpy`, for use."""

from dropout_utils.torch.dropout import Dropout, dropout
from dropout_utils.torch.networks import MLP, Dense
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
    "causal_mask",
    "dropout",
]
