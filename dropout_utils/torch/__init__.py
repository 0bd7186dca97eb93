"""Networks with dropout in PyTorch: the same names as :mod:`dropout_utils.numpy`, for use."""

from dropout_utils.torch.dropout import Dropout, dropout
from dropout_utils.torch.networks import MLP, Dense

__all__ = ["MLP", "Dense", "Dropout", "dropout"]
