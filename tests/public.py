"""What the package offers: its public functions, classes and methods, and their arguments."""

import importlib
import inspect
import pkgutil

import dropout_utils


def key(function):
    """Where it is defined: ``torch.heads.DropHead.forward``."""
    return f"{function.__module__}.{function.__qualname__}".removeprefix("dropout_utils.")


def public_callables():
    """Public functions, classes and methods defined in the package, by the name of their definition."""
    found = {}
    for module in pkgutil.walk_packages(dropout_utils.__path__, "dropout_utils."):
        if any(part.startswith("_") for part in module.name.split(".")):
            continue
        module = importlib.import_module(module.name)
        names = getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])
        for value in (getattr(module, name) for name in names):
            home = getattr(value, "__module__", None) or ""
            if not callable(value) or not home.startswith("dropout_utils") or "._" in home:
                continue
            if isinstance(value, type) and issubclass(value, Exception):
                continue
            found[key(value)] = value
            for name in vars(value) if isinstance(value, type) else ():
                method = getattr(value, name)
                if not name.startswith("_") and inspect.isroutine(method):
                    found[key(method)] = method
    return found


def arguments(function):
    """Names of the arguments that a caller may give."""
    return [
        name for name in inspect.signature(function).parameters if not name.startswith("_") and name != "self"
    ]
