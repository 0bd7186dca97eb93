"""The book's data sets, each as one frozen :class:`Dataset`.

:func:`mnist1d`, :func:`mnist` and :func:`tiny_shakespeare` (a text) keep a copy on disk, in the folder
:func:`data_folder`; :func:`uci` reads what lies there; the others are made or read afresh in milliseconds.
Nothing here touches a global random state.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import io
import logging
import os
import random
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from numbers import Integral
from pathlib import Path

import numpy as np

from dropout_utils._checks import (
    check_array,
    check_choice,
    check_generator,
    check_integer,
    check_real,
    check_text,
)
from dropout_utils._files import write_whole
from dropout_utils._progress import bar_wanted
from dropout_utils.seeding import generator

__all__ = [
    "MNIST_MIRRORS",
    "TINY_SHAKESPEARE_MIRRORS",
    "DataError",
    "Dataset",
    "PublishedSplit",
    "data_folder",
    "digits",
    "mnist",
    "mnist1d",
    "moons",
    "regression20",
    "shuffle_labels",
    "tiny_shakespeare",
    "uci",
]


class DataError(OSError):
    """A data set could not be read, downloaded or stored; the message says what to do."""


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples to learn from and examples to be judged by.

    The arrays are read-only, so that no experiment can change the data of the next.

    Parameters
    ----------
    name : str
    x_train, x_test : ndarray of float, shape (N, features)
        Stored as float32; finite.
    y_train, y_test : ndarray
        For classification labels 0, 1, ..., shape (N,), stored as int64; for regression targets,
        shape (N, outputs) or (N,), stored as float32 of shape (N, outputs).
    task : {"classification", "regression"}
    x_validation, y_validation : ndarray, optional
        A third part, for choosing settings. Both or neither.

    Raises
    ------
    TypeError, ValueError
        If a dtype, a shape, a label or a value is not as described.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    task: str
    x_validation: np.ndarray | None = None
    y_validation: np.ndarray | None = None

    def __post_init__(self):
        check_text(self.name, "name", empty=True)
        check_choice(self.task, "task", ("classification", "regression"))
        if (self.x_validation is None) != (self.y_validation is None):
            given = "x_validation" if self.y_validation is None else "y_validation"
            raise ValueError(
                f"x_validation and y_validation must be given together, or neither; got None beside {given}"
            )
        for part in ("train", "test", "validation"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            if x is None and part == "validation":
                continue
            x = _floats(x, f"x_{part}")
            if x.ndim != 2:
                raise ValueError(f"x_{part} must have shape (N, features); got shape {x.shape}")
            features = np.shape(self.x_train)[1]
            if x.shape[1] != features:
                raise ValueError(f"x_{part} must have {features} features, as x_train has; got {x.shape[1]}")
            y = self._targets(y, f"y_{part}")
            if len(x) == 0 or len(y) != len(x):
                raise ValueError(
                    f"x_{part} and y_{part} must have N > 0 rows each; got {len(x)} and {len(y)}"
                )
            object.__setattr__(self, f"x_{part}", x)
            object.__setattr__(self, f"y_{part}", y)

    def _targets(self, y, name: str) -> np.ndarray:
        if self.task == "regression":
            y = _floats(y, name)
            y = y[:, None] if y.ndim == 1 else y
            if y.ndim != 2:
                raise ValueError(f"{name} must have shape (N, outputs) or (N,); got shape {y.shape}")
            return y
        y = check_array(y, name, "labels of an integer dtype", kinds="iu")
        if y.ndim != 1:
            raise ValueError(f"{name} must have shape (N,); got shape {y.shape}")
        if y.size and y.min() < 0:
            raise ValueError(f"{name} must be labels 0, 1, ...; got {y.min()}")
        return _frozen(y, np.int64)

    @property
    def features(self) -> int:
        """Numbers in one example."""
        return self.x_train.shape[1]

    @property
    def outputs(self) -> int:
        """Outputs a network needs: classes, or numbers in one target."""
        if self.task == "regression":
            return self.y_train.shape[1]
        parts = (self.y_train, self.y_test, self.y_validation)
        return 1 + max(int(y.max()) for y in parts if y is not None)

    def subset(self, n: int, rng: np.random.Generator) -> Dataset:
        """Keep `n` training examples, drawn at random without replacement.

        From generators in the same state, the smaller of two subsets lies within the larger: the
        points of a learning curve differ by what is added alone.

        Parameters
        ----------
        n : int
            From 1 to the number of training examples.
        rng : numpy.random.Generator
        """
        n = check_integer(n, "n", maximum=len(self.x_train))
        index = check_generator(rng).permutation(len(self.x_train))[:n]
        return replace(self, x_train=self.x_train[index], y_train=self.y_train[index])

    def split_validation(self, size: int | float, rng: np.random.Generator) -> Dataset:
        """Move part of the training examples into a validation part.

        Parameters
        ----------
        size : int or float
            How many examples (int), or which share of them (float in (0, 1)).
        rng : numpy.random.Generator
            Draws them. In classification every class gives the same share, up to rounding.
        """
        if self.x_validation is not None:
            raise ValueError(f"{self.name} has a validation part already")
        check_generator(rng)
        count = len(self.x_train)
        if isinstance(size, Integral):
            size = check_integer(size, "size", maximum=count - 1)
        else:
            size = check_real(size, "size", minimum=0.0, maximum=1.0, strict=True)
            size = min(max(round(size * count), 1), count - 1)
        groups = self.y_train if self.task == "classification" else np.zeros(count, dtype=np.int64)
        chosen = _stratified(groups, size, rng)
        rest = np.delete(np.arange(count), chosen)
        return replace(
            self,
            x_train=self.x_train[rest],
            y_train=self.y_train[rest],
            x_validation=self.x_train[chosen],
            y_validation=self.y_train[chosen],
        )

    def with_label_noise(self, fraction: float, rng: np.random.Generator) -> Dataset:
        """Shuffle the labels of a `fraction` of the training examples among themselves.

        See :func:`shuffle_labels`. Test and validation labels stay as they are.

        Parameters
        ----------
        fraction : float
            In [0, 1].
        rng : numpy.random.Generator
        """
        return replace(self, y_train=shuffle_labels(self.y_train, fraction, rng))

    def __repr__(self) -> str:
        parts = [f"{len(self.x_train):,} training"]
        if self.x_validation is not None:
            parts.append(f"{len(self.x_validation):,} validation")
        parts.append(f"{len(self.x_test):,} test")
        kind = f"{self.outputs} {'classes' if self.task == 'classification' else 'output(s)'}"
        return f"<{self.name}: {', '.join(parts)} examples of {self.features} numbers; {kind}>"

    def __setstate__(self, state):
        # Arrays come out of a pickle writable, also in a worker process.
        for field in fields(self):
            value = state[field.name]
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(self, field.name, value)


def _frozen(array: np.ndarray, dtype) -> np.ndarray:
    """A read-only, C-contiguous array of its own; no copy where `array` is one already."""
    mine = (
        array.dtype == dtype
        and array.flags.c_contiguous
        and array.flags.owndata
        and not array.flags.writeable
    )
    if not mine:
        array = np.array(array, dtype=dtype, order="C")
        array.setflags(write=False)
    return array


def _floats(values, name: str) -> np.ndarray:
    return _frozen(check_array(values, name, "a floating dtype", kinds="f", finite=True), np.float32)


def _stratified(groups: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `size` sorted indices so that each group gives its share, up to rounding.

    Every example gets the quantile of a random place within its group; the smallest win.
    """
    place = np.empty(len(groups))
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        place[members] = (rng.permutation(len(members)) + rng.random()) / len(members)
    return np.sort(np.argsort(place, kind="stable")[:size])


def shuffle_labels(labels, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Return a copy of `labels` in which a `fraction` of them is shuffled among itself.

    How often each label occurs stays the same, and by chance some of the shuffled examples keep
    theirs: of ten equally frequent labels, about nine in ten of them change.

    Parameters
    ----------
    labels : ndarray, shape (N, ...)
    fraction : float
        In [0, 1]; round(fraction · N) labels are shuffled. At 1 nothing is left to learn
        (Zhang et al. 2017).
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (N, ...)
    """
    fraction = check_real(fraction, "fraction", minimum=0.0, maximum=1.0)
    check_generator(rng)
    labels = np.array(check_array(labels, "labels", "labels or targets"))
    if labels.ndim == 0:
        raise ValueError(f"labels must have shape (N, ...); got {labels!r}")
    chosen = rng.permutation(len(labels))[: round(fraction * len(labels))]
    labels[chosen] = labels[rng.permutation(chosen)]
    return labels


# ---------------------------------------------------------------------------------------------------
# Made on the spot
# ---------------------------------------------------------------------------------------------------


def moons(n_train: int = 100, n_test: int = 1000, noise: float = 0.3, *, rng: np.random.Generator) -> Dataset:
    """Two interleaved half circles in the plane, with Gaussian noise.

    Parameters
    ----------
    n_train, n_test : int
        Examples, half of them (up to one) in each class.
    noise : float
        Standard deviation of both coordinates; the circles have radius 1.
    rng : numpy.random.Generator

    Returns
    -------
    Dataset
        Two features, two classes.
    """
    n_train, n_test = check_integer(n_train, "n_train"), check_integer(n_test, "n_test")
    noise = check_real(noise, "noise", minimum=0.0)
    check_generator(rng)

    def draw(n):
        y = rng.permutation(n) % 2
        angle = np.pi * rng.random(n)
        x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        x[y == 1] = np.array([1.0, 0.5]) - x[y == 1]  # the second moon is the first, turned and moved
        return x + noise * rng.standard_normal((n, 2)), y

    return Dataset("moons", *draw(n_train), *draw(n_test), task="classification")


def regression20(rng: np.random.Generator, noise: float = 0.3) -> Dataset:
    """Twenty noisy points on a straight line: small enough to be memorised, one dimension to draw.

    x = linspace(−1, 1, 20) and y = x + noise, drawn once for training and once more, at the same x,
    for the test: the demonstration that circulates in tutorials (with this noise) and that the
    article behind this book repeats. Its figures were never published, so the numbers are ours.

    Parameters
    ----------
    rng : numpy.random.Generator
    noise : float
        Standard deviation of the Gaussian noise in y.

    Returns
    -------
    Dataset
        x of shape (20, 1), y of shape (20, 1), task ``"regression"``. No network can be expected to
        reach a mean squared test error below noise².
    """
    check_generator(rng)
    noise = check_real(noise, "noise", minimum=0.0)
    x = np.linspace(-1.0, 1.0, 20)[:, None]  # (20, 1)
    y_train, y_test = x + noise * rng.standard_normal((2, 20, 1))
    return Dataset("20-point regression", x, y_train, x, y_test, task="regression")


def digits() -> Dataset:
    """Handwritten digits of 8 × 8 pixels, from scikit-learn's copy of the UCI set.

    Returns
    -------
    Dataset
        1,437 training and 360 test examples of 64 numbers in [0, 1] (the pixel / 16), ten classes. The
        split is the same everywhere, and each class gives a fifth of its examples to the test.
    """
    with _needs("scikit-learn"):
        from sklearn.datasets import load_digits
    pixels, labels = load_digits(return_X_y=True)
    rng = generator(0, "digits", "split")
    test = rng.permutation(_stratified(labels, 360, rng))
    train = rng.permutation(np.setdiff1d(np.arange(len(labels)), test))
    return Dataset(
        "digits", pixels[train] / 16, labels[train], pixels[test] / 16, labels[test], task="classification"
    )


@contextlib.contextmanager
def _needs(package: str):
    try:
        yield
    except ImportError as error:
        raise DataError(
            f"this data set needs the package {package}, which could not be imported ({error}); "
            f"install it with: pip install {package}"
        ) from error


# ---------------------------------------------------------------------------------------------------
# Kept on disk
# ---------------------------------------------------------------------------------------------------

MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
"""Where :func:`mnist` looks, in this order."""

# SHA-256 of the unpacked bytes: the same however a mirror has packed them.
_MNIST_FILES = {
    "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
TINY_SHAKESPEARE_MIRRORS = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",
)
"""Where :func:`tiny_shakespeare` looks."""

_TINY_SHAKESPEARE = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
_TIMEOUT = (10.0, 30.0)  # seconds to connect, and between two pieces


def data_folder() -> Path:
    """Return the folder where downloaded and generated data are kept.

    The environment variable ``DROPOUT_UTILS_DATA`` names it; otherwise it is the folder that the
    operating system means for such things. MNIST lies in its subfolder ``mnist``, as four ``.gz``
    files under their original names, and Tiny Shakespeare in ``tinyshakespeare``, as ``input.txt``: put
    them there by hand where there is no network. The sets of :func:`uci` lie in its subfolder ``uci``.
    """
    chosen = os.environ.get("DROPOUT_UTILS_DATA", "")
    if chosen:
        return Path(chosen).expanduser()
    with _needs("pooch"):
        import pooch
    return Path(pooch.os_cache("dropout-utils"))


def mnist1d(seed: int = 42) -> Dataset:
    """MNIST-1D: ten classes of drawn-out, shifted, noisy curves of 40 numbers.

    Made by the generator of the ``mnist1d`` package with its own settings (no download), the first
    time; after that read from ``data_folder() / "mnist1d"``. Where that folder cannot be written, it
    is made again each time.

    Parameters
    ----------
    seed : int
        The package's own default, 42, gives the published set; another seed a fresh one.

    Returns
    -------
    Dataset
        4,000 training and 1,000 test examples, mean 0 and standard deviation 1 over the whole.

    References
    ----------
    Greydanus and Kobak, "Scaling down deep learning with MNIST-1D", ICML 2024.
    """
    seed = check_integer(seed, "seed", minimum=0, maximum=2**32 - 1)
    file = data_folder() / "mnist1d" / f"mnist1d-{seed}.npz"
    parts = _read_npz(file, ("x_train", "y_train", "x_test", "y_test"))
    if parts is None:
        parts = _generate_mnist1d(seed)
        with contextlib.suppress(OSError):  # a full disk or a read-only folder costs four seconds, no more
            buffer = io.BytesIO()
            np.savez(buffer, **parts)
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, buffer.getvalue())
    return Dataset("MNIST-1D", **parts, task="classification")


def _generate_mnist1d(seed: int) -> dict[str, np.ndarray]:
    # The package seeds Python's and NumPy's global random states: give both back as they were.
    python_state, numpy_state = random.getstate(), np.random.get_state()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), _needs("mnist1d"):
            warnings.simplefilter("ignore")
            from mnist1d.data import get_dataset_args, make_dataset

            settings = get_dataset_args()
            settings.seed = seed
            made = make_dataset(settings)
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
    return {
        "x_train": made["x"].astype(np.float32),
        "y_train": made["y"].astype(np.int64),
        "x_test": made["x_test"].astype(np.float32),
        "y_test": made["y_test"].astype(np.int64),
    }


def _read_npz(file: Path, names) -> dict[str, np.ndarray] | None:
    """The arrays of a file, or None where it is missing or damaged (each has a checksum inside)."""
    try:
        content = io.BytesIO(file.read_bytes())  # np.load would leave a damaged file open
        with np.load(content, allow_pickle=False) as stored:
            return {name: stored[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def mnist() -> Dataset:
    """MNIST: handwritten digits of 28 × 28 pixels, downloaded once (11.6 MB) and kept.

    Returns
    -------
    Dataset
        60,000 training and 10,000 test examples of 784 numbers in [0, 1] (the pixel / 255), ten
        classes. In memory 220 MB.

    Raises
    ------
    DataError
        If a file is missing or damaged and cannot be downloaded or stored. Nothing broken is kept.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86(11), 1998.
    """
    folder = data_folder() / "mnist"
    unpacked = [
        _kept(folder / name, MNIST_MIRRORS, partial(_unpack, digest=digest))
        for name, digest in _MNIST_FILES.items()
    ]
    x_train, y_train, x_test, y_test = map(_idx, unpacked)
    return Dataset("MNIST", _pixels(x_train), y_train, _pixels(x_test), y_test, task="classification")


def tiny_shakespeare() -> str:
    """Tiny Shakespeare: 40,000 lines of the plays in one text, downloaded once (1.1 MB) and kept.

    Returns
    -------
    str
        1,115,394 characters, of 65 kinds.

    Raises
    ------
    DataError
        If the file is missing or damaged and cannot be downloaded or stored. Nothing broken is kept.

    References
    ----------
    A. Karpathy. The unreasonable effectiveness of recurrent neural networks. 2015; the file is part of its
    code, char-rnn.
    """
    file = data_folder() / "tinyshakespeare" / "input.txt"
    return _kept(file, TINY_SHAKESPEARE_MIRRORS, partial(_plain, digest=_TINY_SHAKESPEARE)).decode("ascii")


@dataclass(frozen=True, eq=False, repr=False)
class PublishedSplit(Dataset):
    """One published split of a regression set, normalised by its training part.

    Beside what a :class:`Dataset` has:

    Parameters
    ----------
    name, x_train, y_train, x_test, y_test, task, x_validation, y_validation
        As in :class:`Dataset`.
    target_mean, target_std : float
        Of the training targets, in their unit: y · target_std + target_mean undoes the normalisation.
    split, splits : int
        Which of how many splits.
    hidden, epochs : int or None
        Units of the one hidden layer, and epochs, that were published with the splits.
    """

    target_mean: float = 0.0
    target_std: float = 1.0
    split: int = 0
    splits: int = 1
    hidden: int | None = None
    epochs: int | None = None

    def __post_init__(self):
        super().__post_init__()
        check_real(self.target_mean, "target_mean")
        check_real(self.target_std, "target_std", minimum=0.0, strict=True)
        check_integer(self.splits, "splits")
        check_integer(self.split, "split", minimum=0, maximum=self.splits - 1)
        for name in ("hidden", "epochs"):
            if getattr(self, name) is not None:
                check_integer(getattr(self, name), name)


def uci(name: str, split: int = 0) -> PublishedSplit:
    """Read one split of a UCI regression set, in the layout in which the splits were published.

    The splits, 20 for most sets, are those of Hernández-Lobato and Adams (2015) and of Gal and Ghahramani
    (2016), who published a folder for each set. It is looked for in ``data_folder() / "uci" / name``, and
    holds ``data.txt`` (a row for each example), ``index_features.txt`` and ``index_target.txt`` (columns),
    ``index_train_<k>.txt`` and ``index_test_<k>.txt`` (rows), and perhaps ``n_hidden.txt`` and
    ``n_epochs.txt``. Nothing is downloaded.

    Features and target are shifted and scaled to mean 0 and standard deviation 1 over the *training* rows;
    the test rows have no say. A feature that is constant there is only shifted.

    Parameters
    ----------
    name : str
        Of the folder, such as ``"concrete"``.
    split : int
        From 0.

    Returns
    -------
    PublishedSplit

    Raises
    ------
    DataError
        If the set or the split is not there, or a file is damaged; the message says what to put where.

    References
    ----------
    J. M. Hernández-Lobato, R. P. Adams. Probabilistic backpropagation for scalable learning of Bayesian
    neural networks. ICML 2015. Y. Gal, Z. Ghahramani. Dropout as a Bayesian approximation. ICML 2016.
    """
    check_text(name, "name")
    split = check_integer(split, "split", minimum=0)
    if Path(name).name != name or name in (".", ".."):
        raise ValueError(f"name must be the name of a folder, without a path; got {name!r}")
    folder = data_folder() / "uci" / name
    if not (folder / "data.txt").is_file():
        raise DataError(
            f"the UCI set {name!r} is not there: put its folder, with data.txt, index_features.txt, "
            f"index_target.txt and the files index_train_<k>.txt and index_test_<k>.txt of its splits, at "
            f"{folder}, or set DROPOUT_UTILS_DATA to a folder that holds it under uci; the authors of the "
            f"paper 'Dropout as a Bayesian approximation' publish such folders with their code"
        )
    splits = sum(1 for _ in folder.glob("index_train_*.txt"))
    if split >= splits:
        raise DataError(
            f"split {split} of the UCI set {name!r} is not there: {folder} needs index_train_{split}.txt and "
            f"index_test_{split}.txt; it holds {splits} splits"
        )
    rows = _table(folder / "data.txt")
    features = _indices(folder / "index_features.txt", rows.shape[1])
    target = _indices(folder / "index_target.txt", rows.shape[1])
    train = _indices(folder / f"index_train_{split}.txt", len(rows))
    test = _indices(folder / f"index_test_{split}.txt", len(rows))
    if np.intersect1d(train, test).size:
        raise DataError(f"split {split} of the UCI set {name!r} has rows that are in training and test alike")
    if len(target) != 1 or target[0] in features:
        raise DataError(f"{folder / 'index_target.txt'} must name one column that is no feature")
    x, y = rows[:, features], rows[:, target]  # (N, features), (N, 1)
    x = _normalised(x, x[train])
    mean, std = float(y[train].mean()), float(y[train].std())
    if std == 0:
        raise DataError(f"split {split} of the UCI set {name!r} has the same target in all training rows")
    y = (y - mean) / std
    return PublishedSplit(
        f"{name}, split {split}", x[train], y[train], x[test], y[test], "regression",
        target_mean=mean, target_std=std, split=split, splits=splits,
        hidden=_number(folder / "n_hidden.txt"), epochs=_number(folder / "n_epochs.txt"),
    )  # fmt: skip


def _normalised(x: np.ndarray, reference: np.ndarray) -> np.ndarray:
    std = reference.std(axis=0)
    return (x - reference.mean(axis=0)) / np.where(std > 0, std, 1)


def _table(file: Path) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an empty file is an error below, not a warning
            rows = np.loadtxt(file, dtype=np.float64, ndmin=2)
    except FileNotFoundError:
        raise DataError(f"{file.name} is missing: put it into {file.parent}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{file} cannot be read as a table of numbers ({error})") from None
    if rows.size == 0 or not np.isfinite(rows).all():
        raise DataError(f"{file} must hold finite numbers; it is empty or holds others")
    return rows


def _indices(file: Path, below: int) -> np.ndarray:
    """Row or column numbers, which the published files write as 3 or as 3.0."""
    values = _table(file).ravel()
    index = values.astype(np.int64)
    if (index != values).any() or index.min() < 0 or index.max() >= below or len(set(index)) != len(index):
        raise DataError(f"{file} must hold different whole numbers from 0 to {below - 1}")
    return index


def _number(file: Path) -> int | None:
    return int(_table(file).flat[0]) if file.is_file() else None


def _pixels(images: np.ndarray) -> np.ndarray:
    x = images.reshape(len(images), -1).astype(np.float32)  # (N, 28, 28) -> (N, 784)
    x /= 255
    x.setflags(write=False)
    return x


def _idx(content: bytes) -> np.ndarray:
    """Decode an IDX file of unsigned bytes: 0, 0, 8, axes; each length in four bytes; the numbers."""
    axes = content[3]
    shape = np.frombuffer(content, dtype=">i4", count=axes, offset=4)
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * axes).reshape(shape)


def _unpack(file: Path, digest: str) -> bytes:
    """The unpacked bytes of a .gz file, or ValueError where they are not the right ones."""
    try:
        content = gzip.decompress(file.read_bytes())
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"truncated or damaged ({error})") from None
    return _checked(content, digest)


def _plain(file: Path, digest: str) -> bytes:
    """The bytes of a file, or ValueError where they are not the right ones."""
    return _checked(file.read_bytes(), digest)


def _checked(content: bytes, digest: str) -> bytes:
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError("not the expected content (wrong checksum)")
    return content


def _kept(file: Path, mirrors, read: Callable[[Path], bytes]) -> bytes:
    """What `read` finds in a file, downloaded where it is missing or broken (ValueError)."""
    try:
        return read(file)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except ValueError:
        with contextlib.suppress(OSError):
            file.unlink()  # broken, by whatever accident: fetch it again
    except OSError as error:
        raise DataError(f"{file} cannot be read ({error.strerror or error}); {_ADVICE}") from error
    _download(file, mirrors, read)
    return read(file)


_ADVICE = (
    "set DROPOUT_UTILS_DATA to a folder that you can read and write, or to one that holds the files already"
)


def _download(file: Path, mirrors, read: Callable[[Path], bytes]) -> None:
    """Fetch a file from the first mirror that has it whole; `read` raises ValueError where it is not."""
    with _needs("pooch"):
        import pooch
        from requests.exceptions import HTTPError, RequestException, Timeout

    fetch = pooch.HTTPDownloader(progressbar=_progress_wanted(), chunk_size=2**16, timeout=_TIMEOUT)

    def fetch_and_check(url, target, source):
        fetch(url, target, source)
        read(Path(target))  # before pooch moves it to its place: only whole files get there

    log = pooch.get_logger()
    level = log.level
    reasons = []
    try:
        log.setLevel(logging.WARNING)
        for mirror in mirrors:
            try:
                pooch.retrieve(
                    mirror + file.name, None, fname=file.name, path=file.parent, downloader=fetch_and_check
                )
                return
            except HTTPError as error:
                reasons.append(f"{_host(mirror)} answered {error.response.status_code}")
            except Timeout:
                reasons.append(f"{_host(mirror)} did not answer in time")
            except RequestException:
                reasons.append(f"no connection to {_host(mirror)}, or it broke off")
            except ValueError as error:
                reasons.append(f"what {_host(mirror)} sent is {error}")
            except OSError as error:  # the disk, not the network: another mirror would not help
                full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None))
                why = "the disk is full" if full else error.strerror or error
                raise DataError(
                    f"{file.name} cannot be stored in {file.parent} ({why}); {_ADVICE}"
                ) from error
    finally:
        log.setLevel(level)
    raise DataError(
        f"{file.name} could not be downloaded ({'; '.join(reasons)}); connect to the internet and try again, "
        f"or put the file into {file.parent}, or set DROPOUT_UTILS_DATA to a folder that holds it"
    )


def _host(address: str) -> str:
    return address.split("/")[2]


def _progress_wanted() -> bool:
    """A bar, where one is wanted and tqdm is there."""
    if not bar_wanted():
        return False
    with contextlib.suppress(ImportError):
        import tqdm  # noqa: F401

        return True
    return False
