"""Results of experiments on disk, addressed by everything they depend on.

Two parts: :func:`fingerprint` turns a function into a digest of the code and constants that decide its
results, and :class:`Store` keeps one small file per finished replica.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import hashlib
import importlib.metadata
import importlib.util
import inspect
import io
import json
import os
import sys
import tempfile
import types
import warnings
from pathlib import Path

import numpy as np

from dropout_utils._files import write_whole

PACKAGE = __name__.partition(".")[0]

# What only draws, words or schedules results cannot change them; all other sources of the package count.
_PRESENTATION = {"figures.py", "widgets.py", "claims.py"}
_PRESENTATION |= {"replicas.py", "_worker.py", "_cache.py", "_progress.py", "_files.py", "_machine.py"}
_MAGIC = b"dropout-utils result 1\n"


def results_folder(cache=None) -> Path | None:
    """Return the folder that keeps finished replicas, or None where nothing is kept.

    Parameters
    ----------
    cache : None, bool, str or path
        A folder; False or ``"off"`` for none; None or True for the environment variable
        ``DROPOUT_UTILS_CACHE`` (a folder, or ``"off"``) and else the user's cache folder.
    """
    if cache is None or cache is True:
        cache = os.environ.get("DROPOUT_UTILS_CACHE") or None
    if cache is False or (isinstance(cache, str) and cache.lower() == "off"):
        return None
    if cache is None:
        import pooch

        return Path(pooch.os_cache("dropout-utils")) / "results"
    if not isinstance(cache, (str, os.PathLike)):
        raise TypeError(f"cache must be a folder, True, False, None or 'off'; got {cache!r}")
    return Path(cache).expanduser()


@functools.cache
def _package_digest() -> str:
    """Return a digest of the package's own sources, as they were when first asked for."""
    root = Path(__file__).parent
    digest = hashlib.blake2b(sys.modules[PACKAGE].__version__.encode(), digest_size=16)
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name not in _PRESENTATION and not name.startswith("explorables/"):
            digest.update(f"\n{name}\n".encode() + path.read_bytes())
    return digest.hexdigest()


@functools.cache
def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return str(getattr(sys.modules.get(library), "__version__", ""))


def _kind(module_name: str | None) -> str:
    """Say whose code a module is: "package" (ours), "library" or "user" (a notebook, a script)."""
    if not module_name:
        return "user"
    root = module_name.partition(".")[0]
    if root == PACKAGE:
        return "package"
    if root == "__main__":
        return "user"
    if root in sys.stdlib_module_names:
        return "library"
    origin = getattr(sys.modules.get(root), "__file__", None)
    if origin is None and root not in sys.modules:
        try:
            origin = getattr(importlib.util.find_spec(root), "origin", None)
        except (ImportError, ValueError):
            origin = None
    if origin is None and root in sys.modules and not hasattr(sys.modules[root], "__path__"):
        return "user"  # a module made by hand
    installed = origin is None or {"site-packages", "dist-packages"} & set(Path(origin).parts)
    return "library" if installed else "user"


class _Fingerprint:
    """Digest of a function with all that it reaches in user code.

    Bytecode is used rather than source text: it is what runs even where a file was edited after its
    import, it exists for functions typed into a cell, and it ignores comments and layout.
    """

    def __init__(self):
        self.digest = hashlib.blake2b(digest_size=16)
        self.seen: dict[int, tuple[int, object]] = {}  # keeps what it has seen alive, so that ids stay unique
        self.libraries = {"numpy"}
        self.user_modules: set[str] = set()

    def add(self, *parts) -> None:
        for part in parts:
            data = part if isinstance(part, bytes) else str(part).encode()
            self.digest.update(f"{len(data)}:".encode() + data)

    def value(self, value, *, strict: str = "") -> None:
        """Add any object; where `strict` names it, one without a content (not picklable) is an error."""
        if isinstance(value, (types.FunctionType, type, types.ModuleType)):
            if id(value) in self.seen:
                self.add("seen", self.seen[id(value)][0])
                return
            self.seen[id(value)] = (len(self.seen), value)
        if isinstance(value, types.FunctionType):
            self.function(value)
        elif isinstance(value, type):
            self.type(value)
        elif isinstance(value, types.ModuleType):
            self.module(value.__name__)
        elif isinstance(value, functools.partial):
            self.add("partial")
            self.value([value.func, list(value.args), dict(value.keywords)], strict=strict)
        elif isinstance(value, types.MethodType):
            self.add("method")
            self.value(value.__func__)
            self.value(value.__self__, strict=strict)
        elif isinstance(value, (staticmethod, classmethod)):
            self.value(value.__func__)
        elif isinstance(value, property):
            self.value([value.fget, value.fset])
        elif callable(value) and isinstance(getattr(value, "__wrapped__", None), types.FunctionType):
            self.value(value.__wrapped__)  # functools.cache and its like
        elif isinstance(value, (types.BuiltinFunctionType, np.ufunc)):
            self.add("builtin", getattr(value, "__module__", ""), value.__name__)
        elif isinstance(value, (list, tuple, dict)) and self.nested(value):
            self.add(type(value).__name__, len(value))
            for item in value.items() if isinstance(value, dict) else value:
                self.value(item, strict=strict)
        else:
            self.content(value, strict)

    @staticmethod
    def nested(value) -> bool:
        items = value.values() if isinstance(value, dict) else value
        return any(isinstance(item, (list, tuple, dict)) or callable(item) for item in items)

    def content(self, value, strict: str) -> None:
        import joblib

        if _kind(type(value).__module__) == "user":
            self.value(type(value))
        try:
            self.add(joblib.hash(value, coerce_mmap=True))
        except Exception as error:
            if strict:
                raise TypeError(f"{strict} must be picklable, to reach the workers; got {value!r}") from error
            # An open file, a lock: nothing that could be compared between two runs.
            self.add("opaque", type(value).__module__, type(value).__qualname__)

    def library(self, module_name: str | None) -> None:
        root = (module_name or "").partition(".")[0]
        if root and root not in sys.stdlib_module_names and root not in (PACKAGE, "__main__"):
            self.libraries.add(root)

    def module(self, name: str) -> None:
        self.add("module", name)
        kind = _kind(name)
        if kind == "user":
            self.user_modules.add(name)
        if kind == "library":
            self.library(name)
        elif kind == "package":
            if name.startswith(f"{PACKAGE}.torch"):
                self.libraries.add("torch")
        elif name != "__main__":
            path = getattr(sys.modules.get(name), "__file__", None)
            if path is None and "." not in name:
                path = getattr(importlib.util.find_spec(name), "origin", None)
            if path and os.path.isfile(path):
                self.add(Path(path).read_bytes())

    def function(self, function: types.FunctionType) -> None:
        self.add("function", function.__module__, function.__qualname__)
        kind = _kind(function.__module__)
        if kind != "user":
            self.module(function.__module__)  # its version, or the package's digest, stands for the code
            return
        self.user_modules.add(function.__module__)
        used = self.code(function.__code__)
        self.value(list(function.__defaults__ or ()))
        self.value(dict(function.__kwdefaults__ or {}))
        for cell in function.__closure__ or ():
            try:
                self.value(cell.cell_contents)
            except ValueError:  # not filled yet
                self.add("empty cell")
        for name in sorted(used):
            if name in function.__globals__:
                self.add("global", name)
                self.value(function.__globals__[name])

    def code(self, code: types.CodeType) -> set[str]:
        """Add a code object with those nested in it; return the global names that they read."""
        used = set()
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        self.add("code", code.co_code, code.co_exceptiontable, code.co_flags, names)
        if "torch" in code.co_names:
            self.libraries.add("torch")
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                used |= self.code(constant)
            elif isinstance(constant, frozenset):  # its order changes from process to process
                self.add("frozenset", *sorted(map(repr, constant)))
            else:
                self.add(type(constant).__name__, repr(constant))
        for instruction in dis.get_instructions(code):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                used.add(instruction.argval)
            elif instruction.opname == "IMPORT_NAME" and instruction.argval:
                self.module(instruction.argval)
        return used

    def type(self, cls: type) -> None:
        self.add("class", cls.__module__, cls.__qualname__)
        if _kind(cls.__module__) != "user":
            self.module(cls.__module__)
            return
        self.user_modules.add(cls.__module__)
        for base in cls.__bases__:
            self.value(base)
        for name, member in sorted(vars(cls).items()):
            plain = not (name.startswith("__") and name.endswith("__"))
            if plain or inspect.isfunction(member):
                if name == "_abc_impl":
                    continue
                self.add("member", name)
                self.value(member)


def fingerprint(experiment, common) -> str:
    """Return a digest of all that decides an experiment's results but the replica itself.

    It covers the experiment's bytecode, defaults and closure; functions, classes and constants that it
    reads from user code (the notebook, a script, a module that is not installed), followed from
    function to function; the text of user modules that it names; `common`, arrays included; the
    version and sources of this package; the versions of NumPy and of the libraries that it names,
    PyTorch where it is used.

    It cannot see: files that the experiment reads, environment variables, names looked up by
    ``getattr`` or ``globals()``, user modules imported by user modules, libraries used only by libraries.
    """
    found = _Fingerprint()
    found.value(experiment)
    for name in sorted(common):
        found.add(name)
        found.value(common[name], strict=f"common[{name!r}]")
    found.add(PACKAGE, _package_digest())
    for library in sorted(found.libraries):
        found.add(library, _version(library))
    return found.digest.hexdigest()


def user_modules(experiment) -> list[types.ModuleType]:
    """Return the modules of the user's own that an experiment reaches: scripts, not what is installed."""
    found = _Fingerprint()
    found.value(experiment)
    names = found.user_modules - {"__main__", None}
    return [sys.modules[name] for name in sorted(names) if name in sys.modules]


class Store:
    """One small file per finished replica, written whole or not at all.

    Parameters
    ----------
    folder : path
    prefix : str
        What :func:`fingerprint` returned.
    label : str
        The experiment's name, for the one warning.
    """

    def __init__(self, folder: Path, prefix: str, label: str):
        self.folder, self.prefix, self.label = folder, prefix, label
        self.writable = True

    def path(self, replica: dict) -> Path:
        """Return the file of one replica: its name is a digest of all that the result depends on."""
        import joblib

        content = joblib.hash(sorted(replica.items(), key=lambda item: item[0]), coerce_mmap=True)
        key = hashlib.blake2b(f"{self.prefix} {content}".encode(), digest_size=20).hexdigest()
        return self.folder / key[:2] / f"{key}.result"

    def load(self, path: Path) -> dict[str, np.ndarray] | None:
        """Return a replica's arrays, or None where they are not there whole."""
        try:
            data = path.read_bytes()
        except OSError:
            return None
        head, digest, body = data[: len(_MAGIC)], data[len(_MAGIC) :][:16], data[len(_MAGIC) + 16 :]
        if head != _MAGIC or hashlib.blake2b(body, digest_size=16).digest() != digest:
            return None  # cut short or damaged: computed anew and replaced
        stream = io.BytesIO(body)
        names = json.loads(stream.readline())
        return {name: np.lib.format.read_array(stream, allow_pickle=False) for name in names}

    def save(self, path: Path, arrays: dict[str, np.ndarray]) -> None:
        """Write a replica's arrays; a folder that refuses is reported once and not asked again."""
        if not self.writable:
            return
        stream = io.BytesIO()
        stream.write(json.dumps(list(arrays)).encode() + b"\n")
        for array in arrays.values():
            np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)
        body = stream.getvalue()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, _MAGIC + hashlib.blake2b(body, digest_size=16).digest() + body)
        except OSError as error:
            self.writable = False
            warnings.warn(
                f"the results of {self.label!r} are not kept, because {self.folder} cannot be written "
                f"({error.strerror or error}); set DROPOUT_UTILS_CACHE to another folder, or to 'off'",
                RuntimeWarning,
                stacklevel=4,
            )


class Claims:
    """Which replicas this process is computing, so that another one on this machine waits for them.

    A claim is a lock on one byte of a file. The system lets it go with its process, however that ends, and
    nothing is written. Where there are no such locks (Windows), every claim is granted: then two processes
    may compute the same, which costs time and nothing else. So do two threads of one process.
    """

    def __init__(self):
        self.file = None
        with contextlib.suppress(ImportError, AttributeError, OSError):
            import fcntl

            self.fcntl = fcntl
            path = os.path.join(tempfile.gettempdir(), f"dropout-utils-claims-{os.getuid()}")
            self.file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    @staticmethod
    def _byte(path: Path) -> int:
        digest = hashlib.blake2b(os.path.abspath(path).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") >> 2  # an offset is below 2^63

    def take(self, path: Path) -> bool:
        """Claim the file of a replica; False while another process is computing it."""
        if self.file is not None:
            try:
                self.fcntl.lockf(self.file, self.fcntl.LOCK_EX | self.fcntl.LOCK_NB, 1, self._byte(path))
            except (BlockingIOError, PermissionError):
                return False
            except OSError:  # a system that cannot
                self.close()
        return True

    def release(self, path: Path) -> None:
        """Let the others have a replica, finished and kept."""
        if self.file is not None:
            self.fcntl.lockf(self.file, self.fcntl.LOCK_UN, 1, self._byte(path))

    def close(self) -> None:
        """Give up all claims."""
        if self.file is not None:
            os.close(self.file)
            self.file = None


def clear(folder: Path | None) -> int:
    """Delete the result files (and leftovers of killed writers) below `folder`; return the bytes freed."""
    freed = 0
    for path in folder.glob("??/*") if folder is not None else ():
        if path.suffix in (".result", ".tmp"):
            try:
                size = path.stat().st_size
                path.unlink()
            except FileNotFoundError:  # another process was quicker
                continue
            freed += size
    return freed
