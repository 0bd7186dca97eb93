"""A bad value for any public argument ends in an error that names it, what was got and what is allowed.

The table in `bad_values` has bad values for every argument of every public function, class and method. That
it is complete is a theorem of its own.
"""

import inspect
import re
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pytest
from bad_values import whole_table
from matplotlib import pyplot as plt
from public import arguments, public_callables
from torch import nn

from dropout_utils.data import DataError
from dropout_utils.torch.transformer import Rates

TABLE = whole_table()
CASES = [(name, argument) for name, row in TABLE.items() for argument in row.bad]

# Arguments that have no bad value, or where looking would cost more than the work. Keep this short.
EXEMPT = {
    "exercises.checking.check(answer)": "a wrong answer is no error: test_exercises.py tries many",
    "exercises.checking.Result": "a record that check makes",
    "data.uci": "it needs a data set on disk: test_data.py makes one, and tries bad arguments there",
    "torch.monte_carlo.MonteCarlo": "a record that monte_carlo makes",
    "tuning.Tuning": "a record that tune makes",
    "tuning.tune(settings)": "keywords of the function that trains, which checks them",
    "masks.Masker.fill": "the inner loop: everything is checked once, when the Masker is made, as it says",
    "figures.style(overrides)": "matplotlib's own keywords, which matplotlib checks where they are used",
    "figures.band(line)": "matplotlib's own keywords, which matplotlib checks",
    "reproduce.uci.Uci": "any name of a folder: data.uci says what is wrong with it when the data are read",
    "evidence.Effect": "a record that compare and estimate make; nobody else can know its resamples",
}
OF_THE_RUNNER = ("settings", "store", "task", "run", "device", "records")


def described(value):
    """Ways in which a message may speak of a value: as it is, or by its type, shape, dtype or length."""
    yield from (repr(value), str(value), type(value).__name__)
    if hasattr(value, "shape"):
        yield from (str(tuple(value.shape)), str(value.dtype), *map(str, value.shape))
        yield from ("NaN", "infinity", "none", "empty") if value.shape else ()
        yield from (repr(item) for item in np.asarray(value).ravel()[:20].tolist())
        return
    if isinstance(value, (SimpleNamespace, Rates)):  # what is in it, by name
        yield from (f"data.{name}" for name in vars(value))
        for item in vars(value).values():
            yield from described(item)
    if inspect.isfunction(value) or isinstance(value, nn.Module):  # what it returns, or has
        yield "got "
    if isinstance(value, (list, tuple, set, dict)):
        yield from (f" {len(value)} ", f"got {len(value)}", "none" if not value else "got dtype")
        for item in value if not isinstance(value, dict) else [*value, *value.values()]:
            yield from described(item)
    try:
        array = np.asarray(value)  # how the many arguments that take lists and arrays see it
    except (ValueError, TypeError, RuntimeError):
        return
    yield from (
        f"dtype {array.dtype}",
        str(array.shape),
        f"shape {array.shape}",
        "NaN" if value != value else "got shape ()",
    )


def short(value):
    return " ".join(repr(value).split())[:80]


@pytest.fixture(autouse=True)
def a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    plt.close("all")


def complaint(name, argument, bad, folder):
    """What is wrong with the answer to a bad value, or None."""
    shown = "slope" if argument == "sliders" else argument
    try:
        TABLE[name].call(argument, bad, folder)
    except (ValueError, TypeError, DataError) as error:
        message = str(error)
        if not re.search(rf"\b{shown}\b", message):
            return f"{short(bad)} does not name {shown}: {message}"
        if not re.search(r"\b(must|needs|may)\b", message):
            return f"{short(bad)} does not say what is allowed: {message}"
        if not any(text in message for text in described(bad)):
            return f"{short(bad)} does not say what was got: {message}"
        return None
    except Exception as error:
        return f"{short(bad)} ends in {type(error).__name__}: {error}"
    finally:
        plt.close("all")
    return f"{short(bad)} is accepted"


@pytest.mark.parametrize(("name", "argument"), CASES)
def test_a_bad_value_is_named_with_what_was_got_and_what_is_allowed(name, argument, tmp_path):
    complaints = [complaint(name, argument, bad, tmp_path) for bad in TABLE[name].bad[argument]]
    assert not any(complaints), "\n".join(filter(None, complaints))


@pytest.mark.parametrize("name", TABLE)
def test_the_arguments_that_the_table_calls_good_are_accepted(name, tmp_path):
    function, good = TABLE[name].arguments(tmp_path)
    parameters = inspect.signature(function).parameters
    try:
        inspect.signature(function).bind(**good)
    except TypeError:
        assert any(parameters[argument].default is inspect.Parameter.empty for argument in TABLE[name].bad)
    else:  # otherwise the only argument is the bad one
        function(**good)


def is_exempt(name, argument):
    """Whether no bad value is asked for."""
    return (
        name in EXEMPT
        or f"{name}({argument})" in EXEMPT
        # the class of an explorable: test_explorables.py tries bad values for every setting of each
        or (name.startswith("explorables.") and name.rpartition(".")[2][0].isupper())
        # what the runner of the reproductions hands to a study, and nobody else does
        or (name.startswith("reproduce.") and argument in OF_THE_RUNNER)
    )


def test_every_public_argument_is_in_the_table():
    missing = [
        f"{name}({argument})"
        for name, function in public_callables().items()
        for argument in arguments(function)
        if not is_exempt(name, argument) and not (name in TABLE and TABLE[name].bad.get(argument))
    ]
    assert not missing, f"no bad value is tried for {', '.join(missing)}"


def test_the_table_has_public_arguments_only():
    public = public_callables()
    strange = [
        f"{name}({argument})"
        for name, argument in CASES
        if name not in public or argument not in arguments(public[name])
    ]
    exempt = [name for name in EXEMPT if name.partition("(")[0] not in public]
    assert not strange and not exempt
