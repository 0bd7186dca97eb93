"""Networks with dropout in NumPy, written as the mathematics reads.

Every function takes one net or any number of replicas: ``np.matmul`` broadcasts over leading axes, so
``x @ W + b`` trains one net where `W` is (in, out), and R nets where `W` is (R, in, out).
PyTorch is not loaded. The same names for PyTorch are in :mod:`dropout_utils.torch`.
"""

from dropout_utils.numpy.connect import drop_connect, drop_connect_backward
from dropout_utils.numpy.dropout import dropout, dropout_backward
from dropout_utils.numpy.gaussian import gaussian_dropout, gaussian_dropout_backward
from dropout_utils.numpy.layers import (
    dense,
    dense_backward,
    log_softmax,
    mean_squared_error,
    relu,
    relu_backward,
    softmax,
    softmax_cross_entropy,
)
from dropout_utils.numpy.network import MLP
from dropout_utils.numpy.spatial import (
    block_mask,
    drop_block1d,
    drop_block_gamma,
    max_pool_dropout1d,
    pooling_probabilities,
    spatial_dropout1d,
)
from dropout_utils.numpy.training import SGD, Adam, accuracy, max_norm, train

__all__ = [
    "MLP",
    "SGD",
    "Adam",
    "accuracy",
    "block_mask",
    "dense",
    "dense_backward",
    "drop_block1d",
    "drop_block_gamma",
    "drop_connect",
    "drop_connect_backward",
    "dropout",
    "dropout_backward",
    "gaussian_dropout",
    "gaussian_dropout_backward",
    "log_softmax",
    "max_norm",
    "max_pool_dropout1d",
    "mean_squared_error",
    "pooling_probabilities",
    "relu",
    "relu_backward",
    "softmax",
    "softmax_cross_entropy",
    "spatial_dropout1d",
    "train",
]
