"""Dropout, taught and measured: the package behind the book.

Importing it is cheap: neither PyTorch nor matplotlib is loaded until a module that needs it is.
Start with :mod:`dropout_utils.numpy` (reads like the mathematics) or :mod:`dropout_utils.torch`
(the same names, for use).
"""

__version__ = "0.1.0"
