"""Exercises that answer back: right answers pass, mistakes get their own hints, quizzes need no kernel."""

import json
import math
import re
from numbers import Number
from pathlib import Path

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup

from dropout_utils import evidence, results
from dropout_utils.exercises import Question, Quiz, check, checking, quiz
from dropout_utils.exercises._chapters import ensemble as ensemble_checkers
from dropout_utils.numpy import drop_block_gamma, dropout

CHAPTERS = Path(__file__).resolve().parent.parent / "chapters"
ASIDE = "aside"


def cells(chapter):
    return json.loads((CHAPTERS / f"{chapter}.ipynb").read_text(encoding="utf-8"))["cells"]


def source(cell):
    return "".join(cell["source"])


# ------------------------------------------------------------------------------------------- the answers


def gaussian(noise):
    """A wrong or right answer to mechanism-3: the activations times 1 + noise(p) times a normal number."""
    return lambda x, p, rng: x * (1 + noise(p) * rng.standard_normal(x.shape))


def gentle(*places):
    """An answer to mechanism-4 that puts back the dropped units' parameters at these places."""

    def step(rule, gradients, mask):
        out = ~mask.any(axis=-2)
        old = [w.copy() for w in rule.parameters]
        rule.step(gradients)
        for i in places:
            w = rule.parameters[i]
            w[...] = np.where(out[:, :, None] if i == 2 else out[:, None, :], old[i], w)

    return step


def gentler(rule, gradients, mask):
    """As gentle(0, 1, 2), and the moments of dropped units stay as well."""
    out = ~mask.any(axis=-2)
    held = [[a.copy() for a in moments] for moments in (rule.m, rule.v)]
    gentle(0, 1, 2)(rule, gradients, mask)
    for moments, old in zip((rule.m, rule.v), held, strict=True):
        for i in (0, 1, 2):
            where = out[:, :, None] if i == 2 else out[:, None, :]
            moments[i][...] = np.where(where, old[i], moments[i])


def too_gentle(rule, gradients, mask):
    """Holds every unit that was dropped in some example, not in all."""
    gentle(0, 1, 2)(rule, gradients, mask.all(axis=-2, keepdims=True))


def frozen(rule, gradients, mask):
    pass


def with_a_past():
    """A wrong answer to reproducing-3: one stream for all epochs."""
    rng = np.random.default_rng(0)
    return lambda seed, epoch, n: rng.permutation(n)


def mean_of_all(**mistake):
    return lambda h, W2, b2, p: ensemble_checkers._mean_of_all(h, W2, b2, p, **mistake)


def inference_test(twice=True, scale=0.1):
    def test(model, x, h_train, h_eval):
        assert not twice or np.array_equal(model(x), model(x))
        assert scale is None or abs(h_train / h_eval - 1) <= scale

    return test


def lowest_good(score):
    """An answer to rates-3, as in its solution: the lowest rate that may be as good as the best."""
    top = score[score.mean(axis=1).argmax()]
    return next(i for i, own in enumerate(score) if evidence.compare(own, top).high >= 0)


def unpaired(score):
    """Forgets that all rates share their seeds."""
    mean, half = score.mean(axis=1), 2 * score.std(axis=1) / score.shape[1] ** 0.5
    return int(np.flatnonzero(mean + half >= (mean - half).max())[0])


BLOCKS = (1, 2, 5, 10, 20, 40)


def block_shares(gamma=lambda b: drop_block_gamma(0.3, b, 40), edges=True):
    """An answer to convolution-2, of this chance of a start; without edges, as in the middle."""
    reach = {b: np.convolve(np.ones(41 - b), np.ones(b)) if edges else np.full(40, b) for b in BLOCKS}
    return tuple(float((1 - (1 - gamma(b)) ** reach[b]).mean()) for b in BLOCKS)


def shifted(p_term=lambda p: p / (1 - p), of=lambda h: h.square().mean(dim=0), own=1):
    """An answer to convolution-3."""
    return lambda h, p: own * h.var(dim=0) + p_term(p) * of(h)


class Votes(torch.nn.Module):
    """Two logits, whatever the input; dropout in front of the first."""

    def __init__(self, first, second, p=0.5):
        super().__init__()
        self.logits, self.drop = (first, second), torch.nn.Dropout(p)

    def forward(self, x):
        first, second = (torch.full((len(x), 1), float(logit)) for logit in self.logits)
        return torch.cat([self.drop(first), second], dim=1)


UNSURE, DISAGREEING = Votes(0, 0), Votes(100, 50)

RIGHT = {
    "overfitting-1": [1961, "1961", np.int64(1961)],
    "overfitting-2": [(1.0, 0.905), [0.99, 0.8]],
    "overfitting-3": [lambda q, S: 2 * q * (1 - q) * S / (S - 1)],
    "overfitting-4": [(-0.61, -0.013), (-0.6, 0.02)],
    "mechanism-1": [(60, 4.9, 100, 8.2, 100), np.array([60, 24**0.5, 100, 24**0.5 / 0.6, 100])],
    "mechanism-2": [(6, 43)],
    "mechanism-3": [gaussian(lambda p: math.sqrt(p / (1 - p)))],
    "mechanism-4": [gentle(0, 1, 2), gentler],
    "mechanism-5": [110.0],
    "ensemble-1": [lambda n, p: (1 - (1 - p) ** 2) ** n],
    "ensemble-2": [mean_of_all()],
    "ensemble-3": [lambda sigma, rho, M: sigma**2 * (rho + (1 - rho) / M)],
    "ensemble-4": [(1, -1, -1), (4.3, -13.1, -3.5)],
    "inference-1": [(0.8, 0.5)],
    "inference-2": [0.5],
    "inference-3": [
        inference_test(),
        lambda model, x, a, b: np.array_equal(model(x), model(x)) and abs(a - b) < 0.1,
    ],
    "inference-4": [-0.035],
    "transformer-1": [320, 321],
    "transformer-2": [lambda n, p: p**n],
    "transformer-3": [(0.07, 0.84), (0.0741, 0.8366)],
    "transformer-4": ["all four at 0.1", "All four at  0.1"],
    "rates-1": [(0.5, 0.2, 512)],
    "rates-2": [(27, 2, 3, 22)],
    "rates-3": [lowest_good],
    "rates-4": [(11.6, 1.9), [20, 8]],
    "rates-5": [(-0.39, -0.88, 0.08), (0.5, -1, 2)],
    "convolution-1": [(2.875, 2.875, 0.5)],
    "convolution-2": [block_shares(), (0.3, 0.278, 0.265, 0.258, 0.252, 0.3)],
    "convolution-3": [shifted(), lambda h, p: np.var(h.numpy(), 0) + p / (1 - p) * (h**2).numpy().mean(0)],
    "convolution-4": [(-1.9, -3.4, -0.7)],
    "rivals-1": [(131_072, 16_777_216, 4096)],
    "rivals-2": [lambda N, p: N * p / (1 - p)],
    "rivals-3": [lambda sigma: sigma**2 / (1 + sigma**2)],
    "rivals-4": [(290, 108)],
    "bayesian-1": [(6, 2.5**0.5), (6, 1.58)],
    "bayesian-2": [2.35],
    "bayesian-3": [(UNSURE, DISAGREEING), (Votes(3, 3, 0), Votes(-80, -40))],
    "bayesian-4": [(24, 5), (24, 12)],
    "structured-1": [(8.75, 0.0177)],
    "structured-2": [(0.9375, 0.242, 1, 0.5)],
    "structured-3": [(-2.13, -0.01), (-1.5, 0.2)],
    "reproducing-1": [2197.2, 2198],
    "reproducing-2": [(0.9, 2560)],
    "reproducing-3": [lambda seed, epoch, n: np.random.default_rng([seed, epoch]).permutation(n)],
}

# what people answer, by the word by which its hint is known
WRONG = {
    "overfitting-1": {2000: "matrices", 1960: "condition", 2439: "outputs", 20: "each", 100_021: "units"},
    "overfitting-2": {(0.5, 0.4): "earlier", (100, 90): "shares", (0.9, 1): "harder", (1.0, 1.0): "Run both"},
    "overfitting-3": {
        lambda q, S: 2 * q * (1 - q): "itself",
        lambda q, S: q * (1 - q) * S / (S - 1): "only way",
        lambda q, S: 2 * q * (1 - q) * (S - 1) / S: "left",
        lambda q, S: q: "For q = 0.5",
    },
    "overfitting-4": {
        (0.61, 0.013): "minus",
        (-0.013, -0.61): "end",
        (-0.61, -0.4): "epoch",
        (-0.61, math.nan): "NaN",
        (math.nan, -0.013): "NaN",
        0.02: "Two numbers",
    },
    "mechanism-1": {
        (40, 4.9, 100, 8.2, 100): "kept",
        (60, 24, 100, 8.2, 100): "variance",
        (60, 4.9, 100, 4.9, 100): "noise",
        (60, 4.9, 60, 8.2, 100): "kept units send",
        (60, 4.9, 100, 8.2, 60): "evaluation",
        (60, 4.9): "5 numbers",
    },
    "mechanism-2": {
        (7, 43): "below 1%",
        (6, 2): "dropped",
        (50, 43): "add up",
        (6, math.log(0.01) / math.log(0.9)): "whole",
    },
    "mechanism-3": {
        gaussian(lambda p: p / (1 - p)): "variance",
        gaussian(lambda p: math.sqrt(p * (1 - p))): "before scaling",
        gaussian(lambda p: math.sqrt((1 - p) / p)): "keeping",
        (lambda x, p, rng: x * rng.standard_normal(x.shape)): "mean 1",
        (lambda x, p, rng: dropout(x, p, rng)[0]): "zero",
        (lambda x, p, rng: x * (1 + rng.standard_normal())): "of its own",
        (lambda x, p, rng: x * (1 + math.sqrt(3 * p / (1 - p)) * rng.uniform(-1, 1, x.shape))): "a Gaussian",
        (lambda x, p, rng: (x * rng.normal(1, 1, x.shape))[0]): "shape",
    },
    "mechanism-4": {
        gentle(): "incoming",
        gentle(0, 1): "outgoing",
        gentle(0, 2): "bias",
        too_gentle: "in some example",
        frozen: "Nothing moves",
    },
    "mechanism-5": {2.1: "percent", -10: "128", 2000: "So much"},
    "ensemble-1": {
        lambda n, p: (1 - p**2) ** n: "dropped by both",
        lambda n, p: 1 - (1 - (1 - p) ** 2) ** n: "at least one",
        lambda n, p: p ** (2 * n): "one way",
    },
    "ensemble-2": {
        mean_of_all(weigh="equal"): "more likely",
        mean_of_all(weigh="swapped"): "mixed up",
        mean_of_all(scale="half"): "one half",
        mean_of_all(scale="none"): "not scaled",
        lambda h, W2, b2, p: np.zeros(len(h)): "shape",
        lambda h, W2, b2, p: mean_of_all()(h, W2, b2, p) / 2: "add up to 1",
    },
    "ensemble-3": {
        lambda sigma, rho, M: sigma**2 / M: "independent",
        lambda sigma, rho, M: sigma**2 * rho: "infinitely",
        lambda sigma, rho, M: sigma**2 * ((1 - rho) + rho / M): "goes away",
    },
    "ensemble-4": {(-1, -1, -1): "more units", (1, 1, -1): "share", (1, -1, 1): "alike", (1, -1, 0): "give"},
    "inference-1": {
        (0.2, 0.5): "dropped",
        (1.25, 2): "inverted",
        (0.5, 0.8): "Which rate",
        (0.8, 0.4): "right in front",
    },
    "inference-2": {
        1 / 11: "variance",
        0.01 / 1.01: "single",
        0.1: "one tenth",
        0.3: "Solve",
        1e-4 / 1.0001: "that of one",
        100 / 101: "whole signal",
    },
    "inference-3": {
        inference_test(twice=False): "left on",
        inference_test(scale=None): "not scaled",
        inference_test(scale=0): "tolerance",
    },
    "inference-4": {0.035: "geometric minus", -20: "nats", -1: "nats", -1e-6: "Compare the losses"},
    "transformer-1": {256: "two places", 64: "feed-forward", 2560: "head", 1: "Write down"},
    "transformer-2": {
        lambda n, p: (1 - p) ** n: "way round",
        lambda n, p: n * p: "add up",
        lambda n, p: p: "n = 1",
    },
    "transformer-3": {(0.8 / 1.8, 0.84): "deviation", (0.84, 0.07): "more tokens", (0.07, 5.12): "at most 1"},
    "transformer-4": {"none": "first claim", "feed-forward at 0.4": "third", "both": "three arms"},
    "rates-1": {
        (0.8, 0.2, 512): "belongs to the hidden",
        (0.5, 0.8, 512): "kept",
        (0.5, 0.2, 128): "wider",
        (0.5, 0.2, 320): "inputs",
        (0.5, 0.2): "3 numbers",
    },
    "rates-2": {
        (30, 24, 30, 24): "whole map",
        (2, 27, 22, 3): "way round",
        (34, 9, 14, 33): "same rate",
        (3, 22, 27, 2): "other data set",
        (5, 2, 3, 22): "another number",
    },
    "rates-3": {
        (lambda score: int(score.mean(axis=1).argmax())): "plain best",
        (lambda score: (0.0, 0.1, 0.2, 0.3, 0.5, 0.7)[lowest_good(score)]): "place",
        unpaired: "in pairs",
        (lambda score: 0): "clearly worse",
        (lambda score: 5): "another rate",
        (lambda score: "0.25"): "whole number",
        (lambda score: score): "one number",
    },
    "rates-4": {
        (1.9, 11.6): "rate 0",
        (0.116, 0.019): "points",
        (-11.6, 1.9): "negative",
        (87.6, 76): "So large",
        (math.nan, 1): "NaN",
        (11.6,): "Two numbers",
    },
    "rates-5": {
        (-0.0039, -0.0088, 0.0008): "shares",
        (-0.9, -0.4, 0.1): "order",
        (-0.4, -0.4, -0.4): "How sure",
        (-0.4, -5, 4): "pair by pair",
        (29, 28, 30): "minus",
        (-0.4, math.nan, 0): "NaN",
        (-0.4, 0.1): "Three numbers",
    },
    "convolution-1": {
        (4, 2.875, 0.5): "plain maximum",
        (5.75, 2.875, 0.5): "scales nothing",
        (23 / 7, 2.875, 0.5): "zero",
        (2.875, 8 / 3, 0.5): "not equal",
        (2.875, 4, 0.5): "pitfall",
        (2.875, 2.875, 0.375): "nothing is left",
    },
    "convolution-2": {
        (0.3,) * 6: "overlap",
        tuple(1 - share for share in block_shares()): "kept",
        tuple(drop_block_gamma(0.3, b, 40) for b in BLOCKS): "reach a unit",
        block_shares(edges=False): "middle",
        tuple(1 - (1 - 0.3 / b) ** b for b in BLOCKS): "n - b + 1",
        (0.3, 0.278): "6 numbers",
    },
    "convolution-3": {
        shifted(lambda p: 0): "test time",
        shifted(own=0): "of its own",
        shifted(of=lambda h: h.var(dim=0)): "second term",
        shifted(of=lambda h: h.mean(dim=0) ** 2): "not the square of the mean",
        shifted(lambda p: (1 - p) / p): "keeping",
        shifted(lambda p: 1): "one rate only",
        shifted(lambda p: p * (1 - p)): "before it is scaled",
        (lambda h, p: (1 - p) * h.var(dim=0) + p * (1 - p) * h.mean(dim=0) ** 2): "without the factor",
        (lambda h, p: h.var(dim=0) * 3): "another number",
        (lambda h, p: h.var() + h.square().mean()): "channels",
    },
    "convolution-4": {(-0.019, -0.034, -0.007): "shares", (40, 38, 42): "minus", (-1.9, 1): "Three numbers"},
    "rivals-1": {
        (4096, 16_777_216, 4096): "examples",
        (131_072, 16_781_312, 4096): "biases",
        (131_072, 8192, 4096): "every input",
        (131_072, 16_777_216, 4097): "one example fewer",
        (131_072, 16_777_216, 128): "equal",
        (65_536, 16_777_216, 4096): "coin",
    },
    "rivals-2": {
        lambda N, p: p / (1 - p): "sum of squares",
        lambda N, p: N * (1 - p) / p: "keeping",
        lambda N, p: N * p * (1 - p): "before it is scaled",
        lambda N, p: N * p: "inverted",
        lambda N, p: N / (1 - p): "p = 0",
        lambda N, p: N: "For N = 6",
    },
    "rivals-3": {
        lambda sigma: sigma**2: "variance",
        lambda sigma: sigma / (1 + sigma): "deviations",
        lambda sigma: 1 / (1 + sigma**2): "keeping",
        lambda sigma: sigma: "at most 1",
        lambda sigma: 0.5: "For sigma = 0.4",
    },
    "rivals-4": {
        (108, 290): "order",
        (14.5, 5.4): "epochs",
        (552, 108): "0.02",
        (290, 222): "as well",
        (40, 20): "So few",
        (-3, 2): "positive",
        290: "Two numbers",
    },
    "bayesian-1": {
        (4.8, 2.5**0.5): "scaled",
        (6, 2.5): "variance",
        (6, 1.6**0.5): "before scaling",
        (6, 40**0.5): "keeping",
        (6, 3): "one by one",
        (6, 0): "evaluation",
    },
    "bayesian-2": {0.4: "exact one", 200: "variances", math.nan: "NaN"},
    "bayesian-3": {
        (DISAGREEING, UNSURE): "order",
        (DISAGREEING, DISAGREEING): "passes of the first",
        (Votes(100, 0, 0), DISAGREEING): "sure of its answer",
        (UNSURE, UNSURE): "all say the same",
        (UNSURE, Votes(2, 1)): "still unsure",
        (UNSURE, Votes(100, 50, 0.1)): "same class",
        (UNSURE, 0.7): "module",
        (0.7, 0, 0.7, 0.7): "Two models",
    },
    "bayesian-4": {
        (5, 24): "first",
        (20, 5): "seed by seed",
        (24, 19): "narrower",
        (1.0, 0.2): "whole number",
        (24,): "Two counts",
    },
    "structured-1": {
        (3.25, 0.0177): "skipped",
        (6, 0.0177): "not the same",
        (9.25, 0.0177): "from 1",
        (9, 0.0177): "first one",
        (8.75, 0.5**12): "not the same",
        (8.75, 0.75**12): "own chance",
    },
    "structured-2": {
        (1, 0.242, 1, 0.5): "all four",
        (0.9375, 0.0586, 1, 0.5): "variance",
        (0.9375, 0.968, 1, 0.5): "units",
        (0.9375, 0.242, 0.5, 0.5): "scaled",
        (0.9375, 0.242, 1, 0.25): "variance",
        (0.9375, 0.242, 1, 1): "one head",
    },
    "structured-3": {
        (2.13, 0.01): "dropout minus none",
        (-0.01, -2.13): "comes first",
        (-0.1, -0.05): "further apart",
        (-2.1, -1.9): "lowest loss",
        (math.nan, 0): "NaN",
        -2.13: "Two numbers",
    },
    "reproducing-1": {400: "logit", 2.197: "steps", 2303: "log(p / (1 - p))", 1000: "How far"},
    "reproducing-2": {
        (0.1, 2560): "keep", (0.9, 256): "survivors", (0.9, 25.6): "one in ten", 2560: "2 numbers"},
    "reproducing-3": {
        with_a_past(): "past",
        lambda seed, epoch, n: np.random.default_rng(seed).permutation(n): "number of the epoch",
        lambda seed, epoch, n: np.random.default_rng(epoch).permutation(n): "Does the seed",
        lambda seed, epoch, n: np.zeros(n, int): "once",
    },
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_passes_and_is_told_what_to_take_along(name):
    for answer in RIGHT[name]:
        found = check(name, answer)
        assert found and found.given and len(found.message) > 20, f"{answer}: {found}"


@pytest.mark.parametrize("name", WRONG)
def test_a_typical_mistake_gets_its_own_hint(name):
    for answer, word in WRONG[name].items():
        found = check(name, answer)
        assert not found and found.given and word in found.message, f"{answer} ({word}): {found}"
        assert "ended in" not in found.message


@pytest.mark.parametrize("name", [name for name in WRONG if not callable(RIGHT[name][0])])
def test_no_hint_gives_the_answer_away(name):
    first = RIGHT[name][0]
    parts = first if isinstance(first, tuple) else (first,)
    secrets = {f"{float(x):g}" for x in parts if isinstance(x, Number)}
    for answer in WRONG[name]:
        told = set(re.findall(r"\d+(?:\.\d+)?", check(name, answer).message))
        given = set(re.findall(r"\d+(?:\.\d+)?", str(answer)))
        assert not told & (secrets - given - {"1", "0.5", "-1"}), check(name, answer)


@pytest.mark.parametrize("name", RIGHT)
def test_three_dots_and_none_are_no_answer_yet(name):
    for answer in (..., None, (..., ...), [None], ()):
        found = check(name, answer)
        assert not found and not found.given
        assert "No answer yet" in repr(found) and "No answer yet" in found._repr_html_()
    if callable(RIGHT[name][0]) and name != "mechanism-4":
        assert not check(name, lambda *args: ...).given
    elif isinstance(RIGHT[name][0], tuple):
        assert "missing" in check(name, (*RIGHT[name][0][:-1], ...)).message


@pytest.mark.parametrize("name", RIGHT)
def test_an_exception_in_the_readers_function_is_told_and_not_raised(name):
    found = check(name, lambda *args: {}["nothing"])
    assert not found and found.given
    assert not callable(RIGHT[name][0]) or "KeyError" in found.message


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("answer", [{}, {1: 2}, "no", b"no", object(), [[]], math.inf, int, np.zeros((2, 3))])
def test_no_answer_however_odd_raises(name, answer):
    assert not check(name, answer)


def test_what_a_reader_writes_is_shown_as_text():
    def broken(*args):
        raise ValueError("<script>alert(1)</script>")

    assert "<script>" not in check("ensemble-1", broken)._repr_html_()


def test_the_counts_of_two_scores_come_from_the_stored_map():
    best = results.read("rate-map")["best"]
    loss, accuracy = (np.array(best[name]["rate"]) for name in ("test_loss", "test_accuracy"))
    pairs = [((a > b).sum(), (a < b).sum()) for a, b in zip(loss, accuracy, strict=True)]
    assert tuple(np.ravel(pairs)) == RIGHT["rates-2"][0]


def test_asking_models_leaves_the_draws_of_a_chapter_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    assert check("bayesian-3", RIGHT["bayesian-3"][0])
    assert torch.equal(torch.get_rng_state(), before)


# ------------------------------------------------------------------------------------------ the chapters


def test_the_table_above_has_every_exercise():
    assert sorted(RIGHT) == sorted(WRONG) == checking.exercises()


@pytest.mark.parametrize("chapter", checking.chapters())
def test_every_exercise_of_a_chapter_has_a_checker_and_every_checker_an_exercise(chapter):
    labels = re.findall(r"(?m)^:label: ex-(\S+)", "\n".join(map(source, cells(chapter))))
    assert sorted(labels) == [name for name in checking.exercises() if name.rpartition("-")[0] == chapter]


@pytest.mark.parametrize("name", checking.exercises())
def test_an_exercise_has_a_place_for_the_answer_and_its_solution_passes(name):
    place, asked, solved = None, [], []
    for cell in cells(name.rpartition("-")[0]):
        for kind, label in re.findall(r"\{(exercise|solution)-(?:start|end)\}[ ]*(\S*)", source(cell)):
            place = (kind, label) if label else place
        if re.search(rf"(?m)^:label: ex-{name}$", source(cell)):
            place = ("exercise", f"ex-{name}")
        if cell["cell_type"] == "code" and re.search(rf'check\(\s*"{name}"', source(cell)):
            assert ASIDE in cell["metadata"]["tags"]
            (solved if "assert check(" in source(cell) else asked).append(place)
    assert asked == [("exercise", f"ex-{name}")] and solved == [("solution", f"ex-{name}")]


@pytest.mark.parametrize("chapter", checking.chapters())
def test_a_chapter_shows_its_quiz(chapter):
    assert [c for c in cells(chapter) if f'quiz("{chapter}")' in source(c) and ASIDE in c["metadata"]["tags"]]


def test_an_unknown_exercise_or_quiz_is_refused_by_name():
    for bad in ("overfitting", "overfitting-99", "no-such-1", "../x-1", "-"):
        with pytest.raises(ValueError, match="name must be"):
            check(bad, 1)
        with pytest.raises(ValueError, match="chapter must be"):
            quiz(bad + "?")


# -------------------------------------------------------------------------------------------- the quizzes

QUIZZES = pytest.mark.parametrize("chapter", checking.chapters())


@QUIZZES
def test_a_quiz_has_three_to_five_questions_with_one_right_option_and_a_reply_to_each(chapter):
    assert 3 <= len(quiz(chapter).questions) <= 5
    for question in quiz(chapter).questions:
        assert sum(right for _, right, _ in question.options) == 1 and len(question.options) >= 3
        assert all(reply.endswith((".", "?", "!")) for _, _, reply in question.options)


@QUIZZES
def test_a_quiz_is_fieldsets_with_legends_and_labelled_buttons(chapter):
    page = BeautifulSoup(quiz(chapter)._repr_html_(), "html.parser")
    assert len(page.select("fieldset > legend")) == len(quiz(chapter).questions)
    for fieldset in page.select("fieldset"):
        buttons = fieldset.select("input[type=radio]")
        assert len({button["name"] for button in buttons}) == 1
        assert all(fieldset.select_one(f"label[for='{button['id']}']") for button in buttons)
        assert len(fieldset.select("[aria-live=polite] > p")) == len(buttons)


def test_a_quiz_sets_code_apart_and_quotation_marks_as_print_does():
    question = Question('Is `x["a"]` a unit\'s "mask"?', (("yes", True, "It is."), ("no", False, "It is.")))
    page = Quiz("mechanism", (question,))._repr_html_()
    assert "<code>x[&quot;a&quot;]</code> a unit’s “mask”?" in page


def test_the_ids_of_all_quizzes_are_unique():
    pages = "".join(quiz(chapter)._repr_html_() for chapter in checking.chapters())
    ids = re.findall(r'\bid="([^"]+)"', pages)
    assert len(ids) == len(set(ids)) > 0


@QUIZZES
def test_a_quiz_runs_no_script_and_asks_for_nothing(chapter):
    page = quiz(chapter)._repr_html_()
    assert not re.search(r"<script|<form|\bon\w+=|https?:|url\(|@import|\bsrc=|\bhref=", page)


@QUIZZES
def test_the_text_of_a_quiz_names_the_right_options_at_the_end(chapter):
    *_, last = repr(quiz(chapter)).split("\n")
    right = [
        f"{i}{'abc'[[right for _, right, _ in question.options].index(True)]}"
        for i, question in enumerate(quiz(chapter).questions, 1)
    ]
    assert last == f"Right: {', '.join(right)}"


def test_a_question_needs_exactly_one_right_option():
    for rights in ((True, True), (False, False)):
        with pytest.raises(ValueError, match="exactly one"):
            Question("Why?", tuple((f"option {i}", right, "So.") for i, right in enumerate(rights)))


def test_what_stands_in_a_question_is_text_and_backquotes_are_code():
    page = Quiz("x", [Question("`a<b>`?", (("<i>", True, "So."), ("b", False, "No.")))])._repr_html_()
    assert "<code>a&lt;b&gt;</code>" in page and "<i>" not in page
