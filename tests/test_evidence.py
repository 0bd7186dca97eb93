"""Intervals cover what they promise, and a verdict is a function of the intervals alone."""

import json
import math
import os
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from dropout_utils import __version__, evidence
from dropout_utils.claims import CLAIMS
from dropout_utils.evidence import VERDICTS, Card, Claim, _with_unit, compare, estimate, reading, verdict

numbers = st.floats(-100, 100, allow_nan=False).map(lambda value: round(value, 6))
samples = st.lists(numbers, min_size=2, max_size=30)
few = settings(max_examples=40, deadline=None)


def claim(**changes):
    settings = dict(measure="test accuracy, dropout minus none", unit="points", minimum=1.0, expect="greater",
                    arms=("dropout", "none"))
    return Claim(changes.pop("id", "C14"), **{**settings, **changes})


def shifted(mean, n=24, spread=1.0, seed=0):
    """n differences with this mean and standard deviation, exactly."""
    values = np.random.default_rng(seed).standard_normal(n)
    return mean + spread * (values - values.mean()) / values.std(ddof=1)


# -------------------------------------------------------------------------------------- intervals


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 23, 24, 499])
@pytest.mark.parametrize("probability", [0.5, 0.6, 0.975, 0.999, 0.999_999])
def test_the_quantile_of_student_is_that_of_scipy(probability, freedom):
    ours = evidence._student_quantile(probability, freedom)
    assert ours == pytest.approx(stats.t.ppf(probability, freedom), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize(
    ("draw", "n"), [("standard_normal", 24), ("standard_exponential", 24), ("standard_exponential", 9)]
)
def test_the_bootstrap_without_its_guards_is_that_of_scipy(draw, n):
    x = getattr(np.random.default_rng(3), draw)(size=n)
    centred = x - x.mean()
    means = evidence._resampled_means(centred, None)
    ours = evidence._bca(means, *evidence._shape(centred, means), stats.norm.ppf(0.975))
    runs = [stats.bootstrap((x,), np.mean, n_resamples=20_000, method="BCa",
                            random_state=np.random.default_rng(k)).confidence_interval for k in range(4)]
    theirs = np.mean(runs, axis=0)
    # One run of 20,000 resamples moves an end by about 0.6% of the width, the bias correction by 3%.
    assert ours == pytest.approx(theirs - x.mean(), abs=0.02 * np.ptp(theirs))


def test_without_corrections_the_ends_are_normal_quantiles_the_kth_of_B_being_that_of_k_over_B_plus_1():
    ends = evidence._bca(np.arange(1.0, 100.0), 0.0, 0.0, 1.5)
    assert ends == pytest.approx(100 * stats.norm.cdf([-1.5, 1.5]))


def test_ties_count_half_in_the_bias_correction():
    # The mean of 24 signs is 0 in 16% of the resamples. The standard error of the correction is 0.009.
    signs = np.array([-1.0, 1.0] * 12)
    bias, acceleration = evidence._shape(signs, evidence._resampled_means(signs, None))
    assert abs(bias) < 0.04 and acceleration == 0


@pytest.mark.parametrize("n", [8, 24])
def test_the_level_is_widened_from_the_normal_to_students_distribution(n):
    x = np.random.default_rng(3).standard_exponential(n)
    centred = x - x.mean()
    means = evidence._resampled_means(centred, None)
    reach = math.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1)
    # The upper end of a sample skewed to the right lies beyond Student's, so it shows the bootstrap's.
    high = x.mean() + evidence._bca(means, *evidence._shape(centred, means), reach)[1]
    assert estimate(x).high == pytest.approx(high)


@few
@given(samples)
def test_the_interval_holds_the_mean_and_students_interval(values):
    effect = estimate(values)
    assert effect.low <= effect.mean <= effect.high
    assert effect.mean == pytest.approx(np.mean(values), abs=1e-9)
    if np.ptp(values):
        half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
        assert effect.low <= effect.mean - half * (1 - 1e-9)
        assert effect.high >= effect.mean + half * (1 - 1e-9)


@few
@given(samples, numbers, st.floats(0.01, 100))
def test_the_interval_moves_and_stretches_with_the_data(values, shift, factor):
    assume(np.ptp(values) > 1e-3)
    before, after = estimate(values), estimate(factor * np.array(values) + shift)
    for end in ("low", "mean", "high"):
        expected = factor * getattr(before, end) + shift
        # 1e-4 of the width: rounding may reorder tied resamples, never more.
        slack = 1e-4 * factor * (before.high - before.low) + 1e-9
        assert getattr(after, end) == pytest.approx(expected, abs=slack)


@few
@given(samples, st.floats(0.5, 0.999), st.floats(0.5, 0.999))
def test_a_wider_level_contains_a_narrower_one(values, one, other):
    effect = estimate(values)
    narrow, wide = effect.at(min(one, other)), effect.at(max(one, other))
    assert wide.low <= narrow.low <= narrow.mean <= narrow.high <= wide.high
    assert narrow.level == min(one, other)


@few
@given(samples, st.randoms(use_true_random=False))
def test_the_same_data_give_the_same_interval_and_the_control_is_subtracted(values, random):
    control = [random.uniform(-1, 1) for _ in values]
    first, second = compare(values, control), compare(np.array(values), np.array(control))
    assert (first.low, first.mean, first.high) == (second.low, second.mean, second.high)
    np.testing.assert_array_equal(first.differences, np.array(values) - np.array(control))


def test_the_resamples_can_come_from_a_given_generator():
    x = shifted(0.3)
    default, one, other = estimate(x), *(estimate(x, rng=np.random.default_rng(seed)) for seed in (1, 2))
    again = estimate(x, rng=np.random.default_rng(1))
    assert (one.low, one.high) == (again.low, again.high) == (one.at(0.95).low, one.at(0.95).high)
    width = default.high - default.low
    assert one.low == pytest.approx(default.low, abs=0.03 * width) == other.low


def test_many_replicas_are_resampled_in_pieces_and_approach_the_normal_interval():
    x = shifted(0.0, n=3_000)
    effect = estimate(x)
    half = stats.norm.ppf(0.975) / math.sqrt(3_000)
    assert [effect.low, effect.high] == pytest.approx([-half, half], rel=0.03)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e300, 3])
def test_differences_that_are_all_equal_give_an_interval_of_no_width(value):
    effect = compare([value] * 8, [0] * 8).at(0.99)
    assert (effect.low, effect.mean, effect.high) == (value, value, value)


def test_a_tie_counts_half_in_the_probability():
    assert compare([1, 2, 3, 4], [0, 2, 4, 0]).probability == (2 + 0.5) / 4
    assert estimate([0.2, 0.4], 0.3).probability == 0.5


@pytest.mark.parametrize("n", [2, 3])
def test_two_replicas_give_an_interval_that_says_how_little_they_tell(n):
    effect = estimate(np.arange(n))
    assert effect.high - effect.low >= 2 * stats.t.ppf(0.975, n - 1) * stats.sem(np.arange(n)) * (1 - 1e-9)


@pytest.mark.parametrize(
    ("treatment", "control", "error", "message"),
    [
        ([1.0], [0.0], ValueError, "treatment must hold at least 2 replicas; got 1"),
        ([1.0, 2.0], [0.0], ValueError, "control must hold at least 2 replicas; got 1"),
        ([1.0, 2.0, 3.0], [0.0, 1.0], ValueError, "got 3 and 2 replicas"),
        ([1.0, math.nan], [0.0, 1.0], ValueError, "treatment must be finite.*; got nan at replica 1"),
        ([1.0, 2.0], [math.inf, 1.0], ValueError, "control must be finite.*; got inf at replica 0"),
        ([1e308, 1e308], [-1e308, 0.0], ValueError, "treatment - control must be finite"),
        ([[1.0, 2.0]], [0.0, 1.0], ValueError, r"treatment must be one number .*shape \(n,\)"),
        (1.0, [0.0, 1.0], ValueError, "treatment must be one number for each replica"),
        (["a", "b"], [0.0, 1.0], TypeError, "treatment must be an array of real numbers"),
        ([True, False], [0.0, 1.0], TypeError, "treatment must be an array of real numbers"),
        ([1j, 2.0], [0.0, 1.0], TypeError, "treatment must be an array of real numbers"),
        ([], [], (TypeError, ValueError), "treatment must hold"),
    ],
)
def test_bad_replicas_are_refused_by_name(treatment, control, error, message):
    with pytest.raises(error, match=message):
        compare(treatment, control)


@pytest.mark.parametrize("level", [0, 1, -0.1, 95, math.nan])
def test_a_level_outside_0_and_1_is_refused(level):
    with pytest.raises(ValueError, match="level must be"):
        compare([1, 2], [0, 0], level=level)
    with pytest.raises(ValueError, match="level must be"):
        compare([1, 2], [0, 0]).at(level)


def test_other_bad_arguments_are_refused_by_name():
    with pytest.raises(TypeError, match="rng must be"):
        compare([1, 2], [0, 0], rng=0)
    with pytest.raises(ValueError, match="reference must be a finite number"):
        estimate([1, 2], math.nan)


def test_the_differences_of_an_effect_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        estimate([1.0, 2.0]).differences[0] = 5


# ---------------------------------------------------------------------------------- simulated studies

# Standardised paired differences of two arms that do not differ. Two equal arms have symmetric
# differences, however skewed the arms are.
NULLS = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "heavy tails": lambda rng, n: rng.standard_t(3, n) / math.sqrt(3),
    "skewed arms": lambda rng, n: (rng.lognormal(size=n) - rng.lognormal(size=n)) / 3.06,
}


@pytest.mark.parametrize("n", [24, 8])
@pytest.mark.parametrize("null", NULLS)
def test_a_null_effect_gives_not_seen_here_in_95_of_100_studies(null, n):
    # Fixed seed, so it passes or fails for good. The rates were measured on 1,000 studies each with a
    # minimum of 0.1 standard deviations: 0.6% to 2.3% false verdicts; the bound is the promised 5%.
    rng = np.random.default_rng(11)
    studies = 160
    verdicts = [verdict([estimate(NULLS[null](rng, n))], 0.1, "greater") for _ in range(studies)]
    assert verdicts.count("not seen here") >= 0.95 * studies


def test_several_conditions_share_the_error_of_one():
    rng = np.random.default_rng(12)
    judge = claim(minimum=0.1).judge
    cards = [judge({str(k): estimate(rng.standard_normal(24)) for k in range(4)}, seed=0) for _ in range(60)]
    assert [card.verdict for card in cards].count("not seen here") >= 57


@pytest.mark.parametrize(("n", "planted", "power"), [(24, 1.0, 0.94), (24, 0.8, 0.73), (8, 1.5, 0.86)])
def test_a_planted_effect_is_found_with_the_stated_power(n, planted, power):
    # In standard deviations of the paired differences, with a minimum of 0.25. Student's interval
    # would find it with `power`, from the noncentral t; ours is never narrower, hardly ever wider.
    theory = stats.nct.sf(stats.t.ppf(0.975, n - 1), n - 1, (planted - 0.25) * math.sqrt(n))
    assert theory == pytest.approx(power, abs=0.01)
    rng = np.random.default_rng(13)
    studies = 200
    found = [verdict([estimate(planted + rng.standard_normal(n))], 0.25, "greater") for _ in range(studies)]
    share = found.count("holds") / studies
    assert power - 0.10 <= share <= power + 0.07  # three sigma are 0.05 to 0.10


# ------------------------------------------------------------------------------------------- verdicts


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"": shifted(3)}, "holds"),
        ({"small": shifted(3), "large": shifted(0)}, "holds, with conditions"),
        ({"small": shifted(3), "large": shifted(-3)}, "holds, with conditions"),
        ({"": shifted(0)}, "not seen here"),
        ({"": shifted(1.1)}, "not seen here"),
        ({"": shifted(-3)}, "needs rewording"),
        ({"small": shifted(0), "large": shifted(-3)}, "needs rewording"),
    ],
)
def test_each_verdict_is_reached_and_the_data_decide_it(conditions, expected):
    card = claim().judge({name: estimate(values) for name, values in conditions.items()})
    assert card.verdict == expected


def test_what_is_judged_is_what_is_stored():
    card = claim(minimum=1.0).judge(compare([0.999_999_99] * 8, [0.0] * 8))
    (condition,) = card.data["conditions"]
    assert condition["low"] == 1.0 and card.readings == {"": "for"} and card.verdict == "holds"


def test_every_verdict_is_among_the_four():
    assert VERDICTS == ("holds", "holds, with conditions", "not seen here", "needs rewording")


@pytest.mark.parametrize(
    ("low", "high", "expect", "expected"),
    [
        (1, 2, "greater", "for"), (0.99, 2, "greater", "undecided"), (-2, -1, "greater", "against"),
        (-2, -1, "less", "for"), (-2, -0.99, "less", "undecided"), (1, 2, "less", "against"),
        (-1, 1, "equal", "for"), (0, 0, "equal", "for"), (-1.01, 1, "equal", "undecided"),
        (1.01, 2, "equal", "against"), (-2, -1.01, "equal", "against"), (1, 2, "equal", "undecided"),
        (-5, 5, "greater", "undecided"), (-5, 5, "equal", "undecided"),
    ],
)
def test_an_interval_speaks_only_where_it_lies_wholly_on_one_side(low, high, expect, expected):
    assert reading(low, high, 1.0, expect) == expected


pairs = st.tuples(numbers, numbers).map(sorted)
minima = st.floats(0.01, 50)
directions = st.sampled_from(["greater", "less"])


@given(st.lists(pairs, min_size=1, max_size=6), minima, directions)
def test_turning_the_data_round_turns_the_expectation_round(intervals, minimum, expect):
    mirrored = [(-high, -low) for low, high in intervals]
    other = "less" if expect == "greater" else "greater"
    assert verdict(intervals, minimum, expect) == verdict(mirrored, minimum, other)


@given(st.lists(pairs, min_size=1, max_size=6), minima, st.sampled_from(["greater", "less", "equal"]),
       st.randoms(use_true_random=False))
def test_the_order_of_the_conditions_does_not_matter(intervals, minimum, expect, random):
    shuffled = random.sample(intervals, len(intervals))
    assert verdict(intervals, minimum, expect) == verdict(shuffled, minimum, expect)


RANK = {"against": 0, "undecided": 1, "for": 2}


@given(pairs, minima, st.floats(0, 50))
def test_a_larger_effect_never_speaks_less_for_a_claim_of_more(pair, minimum, shift):
    low, high = pair
    before = reading(low, high, minimum, "greater")
    assert RANK[reading(low + shift, high + shift, minimum, "greater")] >= RANK[before]


@given(pairs, minima, st.floats(0, 20), st.sampled_from(["greater", "less", "equal"]))
def test_a_wider_interval_decides_nothing_new(pair, minimum, margin, expect):
    low, high = pair
    wide = reading(low - margin, high + margin, minimum, expect)
    assert wide in ("undecided", reading(low, high, minimum, expect))


@given(pairs, minima, st.floats(1, 10))
def test_a_larger_difference_that_matters_decides_nothing_new_about_a_direction(pair, minimum, factor):
    after = reading(*pair, factor * minimum, "greater")
    assert after in ("undecided", reading(*pair, minimum, "greater"))


@given(pairs, minima)
def test_no_interval_speaks_for_two_expectations_that_exclude_each_other(pair, minimum):
    found = {expect: reading(*pair, minimum, expect) for expect in ("greater", "less")}
    assert list(found.values()).count("for") <= 1
    if pair[1] > pair[0]:
        assert not (found["greater"] == "for" == reading(*pair, minimum, "equal"))


@pytest.mark.parametrize("minimum", [0, -1, math.nan, math.inf])
def test_a_smallest_difference_that_is_not_above_zero_is_refused(minimum):
    with pytest.raises(ValueError, match="minimum"):
        verdict([(0, 1)], minimum, "greater")
    with pytest.raises(ValueError, match="minimum"):
        claim(minimum=minimum)


@pytest.mark.parametrize(
    ("intervals", "message"),
    [([], "at least one"), ([(1, 0)], "low of intervals.* must not exceed high"), ([(0, 1, 2)], "pairs"),
     ([(math.nan, 1)], "low of intervals.* must be a finite number")],
)
def test_bad_intervals_are_refused(intervals, message):
    with pytest.raises(ValueError, match=message):
        verdict(intervals, 1, "greater")


# -------------------------------------------------------------------------------------------- claims


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"id": "C99"}, ValueError, "claim_id"),
        ({"measure": " "}, ValueError, "measure must not be empty"),
        ({"measure": 3}, TypeError, "measure must be a string"),
        ({"unit": None}, TypeError, "unit must be a string"),
        ({"expect": "more"}, ValueError, "expect must be one of 'greater', 'less', 'equal'"),
        ({"arms": "dropout"}, TypeError, "arms must be a sequence of strings"),
        ({"arms": ()}, ValueError, "arms must name at least one arm"),
        ({"arms": ("dropout", 3)}, TypeError, r"arms\[1\] must be a string"),
        ({"chapter": "mechanism"}, ValueError, "chapter of C14 must be one of 'overfitting', 'rates'"),
        ({"minimum": "1"}, TypeError, "minimum must be a real number"),
    ],
)
def test_a_badly_stated_claim_is_refused_by_name(changes, error, message):
    with pytest.raises(error, match=message):
        claim(**changes)


def test_only_effects_can_be_judged():
    for wrong in ((0, 1), None, {"a": (0, 1)}):
        with pytest.raises(TypeError, match="effects"):
            claim().judge(wrong)
    with pytest.raises(ValueError, match="at least one condition"):
        claim().judge({})
    effect = estimate(shifted(3))
    with pytest.raises(ValueError, match="name of a condition in effects must not be empty"):
        claim().judge({"": effect, "large": effect})


@pytest.mark.parametrize("expect", ["greater", "less", "equal"])
def test_a_claim_states_before_the_run_what_counts_for_and_against(expect):
    stated = claim(expect=expect)
    page = re.sub("<[^>]+>", " ", stated._repr_html_()).replace("&nbsp;", " ")
    for text in (str(stated), page):
        assert stated.sentence in text
        assert "Counts for it" in text and "Counts against it" in text
        for rule in stated.rules:
            assert rule in text
    if expect == "less":
        assert "−1 point" in stated.rules[0] and "+1 point" in stated.rules[1]


@pytest.mark.parametrize(
    ("number", "said"),
    [("1", "1 point"), ("−1", "−1 point"), ("1.5", "1.5 points"), ("0", "0 points")],
)
def test_a_number_and_its_unit_agree(number, said):
    assert _with_unit(number, "points") == said
    assert _with_unit(number, "") == number
    assert _with_unit(number, "%") == f"{number}%"


@given(st.integers(1, 6))
@settings(max_examples=6, deadline=None)
def test_conditions_share_the_level(k):
    effect = estimate(shifted(3))
    card = claim().judge({f"size {i}": effect for i in range(k)})
    assert card.data["level"] == pytest.approx(1 - 0.05 / k, rel=1e-5)
    wide = effect.at(1 - 0.05 / k)
    assert card.data["conditions"][0]["low"] == pytest.approx(wide.low, rel=1e-5)


# --------------------------------------------------------------------------------------------- cards


class Balanced(HTMLParser):
    """Every element is closed, in order; images have a label; ids are not used."""

    VOID = ("br", "rect", "line", "circle")

    def __init__(self):
        super().__init__()
        self.open, self.images = [], 0

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        assert "id" not in attrs
        if tag == "svg":
            assert attrs["role"] == "img" and attrs["aria-label"]
            assert int(attrs["width"]) <= 280 and "max-width:100%" in attrs["style"]
            self.images += 1
        if tag != "br":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in self.VOID

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def card_of(*means, **changes):
    effects = {f"{k + 1},000 examples": estimate(shifted(mean)) for k, mean in enumerate(means)}
    return claim(**changes).judge(effects if len(means) > 1 else next(iter(effects.values())), seed=0)


@pytest.mark.parametrize("means", [(3,), (3, 0), (0,), (-3,), (1e-9, 1e9)])
def test_a_card_shows_the_claim_the_verdict_and_each_condition_in_html_and_in_text(means):
    card = card_of(*means)
    page = card._repr_html_()
    parser = Balanced()
    parser.feed(page)
    assert not parser.open and parser.images == len(means)
    for text in (str(card), page):
        assert card.data["sentence"] in text and card.verdict in text and "n = 24" in text
        assert all(name in text for name in card.readings)
        assert "smallest difference that matters" in text.lower()


@pytest.mark.parametrize("means", [(3,), (1, 10), (1, 100), (1, 1000)])
def test_the_dot_of_a_mean_leaves_the_ends_of_its_interval_in_sight_where_there_is_room(means):
    card = card_of(*means)
    for drawing in card._repr_html_().split("<svg")[1:]:
        low, high = map(float, re.search(r'<line x1="([\d.]+)" x2="([\d.]+)" y1="12"', drawing).groups())
        ends = re.findall(r'<line x1="([\d.]+)" x2="\1" y1="8" y2="16"', drawing)
        radius = float(re.search(r'r="([\d.]+)"', drawing)[1])
        assert radius >= 2.5
        if high - low > 8.1:
            assert list(map(float, ends)) == [low, high] and radius < (high - low) / 2
        elif high - low < 7.9:
            assert not ends


def test_a_count_is_not_broken_at_the_end_of_a_line():
    page = card_of(3, 0)._repr_html_()
    assert page.count('<span style="white-space:nowrap">n = 24</span>') == 2
    assert "&nbsp;points, interval" in page and "&nbsp;/ " in page
    assert "within 1&nbsp;point of" in claim(expect="equal")._repr_html_()


@pytest.mark.parametrize(
    ("mean", "marks"), [(3, ["0", "−1", "+1"]), (-57, ["0", "−50"]), (499, ["0", "+200"])]
)
def test_an_interval_is_drawn_with_a_scale(mean, marks):
    assert re.findall(r'fill="currentColor">([^<]+)</text>', card_of(mean)._repr_html_()) == marks


def test_a_card_takes_its_colours_from_the_page():
    page = card_of(3, 0, -3)._repr_html_() + claim()._repr_html_()
    colours = re.findall(r"(?:color|background|fill|stroke|border)[a-z-]*[:=]\"?([^;\"]+)", page)
    allowed = re.compile(r"currentColor|inherit|transparent|[\d. ]+|1px solid currentColor|[\d.]+(px|em)")
    assert colours and all(allowed.fullmatch(colour) for colour in colours), set(colours)


def test_the_right_sentence_is_shown_where_a_claim_needs_rewording_and_only_there():
    right = CLAIMS["C06"].rewording
    assert right in card_of(-3, id="C06")._repr_html_() and right in str(card_of(-3, id="C06"))
    assert right not in card_of(3, id="C06")._repr_html_()
    assert "A better one." in str(card_of(-3, rewording="A better one."))
    assert "goes the other way" in str(card_of(-3, id="C01"))


def test_what_authors_write_cannot_break_the_page():
    stated = claim(measure="a < b & <script>", unit="<i>", arms=("<b>", "&"))
    card = stated.judge({"<one>": estimate(shifted(3)), "<two>": estimate(shifted(0))}, seed=0)
    for page in (stated._repr_html_(), card._repr_html_()):
        assert not re.search(r"<(script|i|b|one|two)>", page)


@pytest.mark.parametrize(("arms", "words"), [
    (("dropped units",), "zero in every replica"), (("a", "b"), "no difference in any pair"),
])
def test_a_card_does_not_call_nothing_but_ties_a_coin_toss(arms, words):
    card = claim(expect="equal", arms=arms).judge(estimate([0.0] * 24), seed=0)
    assert words in str(card) and words in card._repr_html_()
    assert "50%" not in str(card)


def test_numbers_get_the_decimals_that_their_interval_calls_for():
    assert evidence._numbers(5.6123, 4.1, 7.02) == ["+5.6", "+4.1", "+7.0"]
    assert evidence._numbers(-0.01234, -0.02, -0.0051) == ["−0.012", "−0.020", "−0.005"]
    assert evidence._numbers(0.0, 0.0, 0.0) == ["0.0", "0.0", "0.0"]
    assert evidence._numbers(312.0, 250.0, 400.0) == ["+312", "+250", "+400"]


# --------------------------------------------------------------------------------------------- files


def test_a_card_survives_its_file(tmp_path):
    card = card_of(3, 0)
    assert card.save(tmp_path) is card
    again = Card.load(tmp_path / "C14.json")
    assert again.data == card.data and str(again) == str(card) and again._repr_html_() == card._repr_html_()
    assert [path.name for path in tmp_path.iterdir()] == ["C14.json"]


def test_the_file_says_all_that_the_ledger_needs(tmp_path):
    data = json.loads((card_of(3, 0).save(tmp_path) and tmp_path / "C14.json").read_text(encoding="utf-8"))
    assert {"schema", "claim", "chapter", "chapter_digest", "anchor", "sentence", "measure", "unit", "arms",
            "minimum", "expect", "level", "conditions", "verdict", "seed", "version"} <= set(data)
    assert (data["version"], data["seed"], data["anchor"]) == (__version__, 0, "claim-c14")
    for condition in data["conditions"]:
        assert len(condition["differences"]) == condition["n"] == 24
        assert {"name", "mean", "low", "high", "level", "probability", "reading"} <= set(condition)
        assert all(value == float(f"{value:.6g}") for value in condition["differences"])
    intervals = [(condition["low"], condition["high"]) for condition in data["conditions"]]
    assert verdict(intervals, data["minimum"], data["expect"]) == data["verdict"]


def test_each_chapter_of_a_claim_has_its_own_file_and_label(tmp_path):
    for chapter in ("overfitting", "rates"):
        claim(chapter=chapter).judge(estimate(shifted(3))).save(tmp_path)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["C14", "C14-rates"]
    assert claim(chapter="rates").anchor == "claim-c14-rates"


def test_cards_are_written_beside_the_notebook_or_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.delenv("DROPOUT_UTILS_CLAIMS", raising=False)
    monkeypatch.chdir(tmp_path)
    card_of(3).save()
    assert (tmp_path / "claims" / "C14.json").exists()
    monkeypatch.setenv("DROPOUT_UTILS_CLAIMS", str(tmp_path / "elsewhere"))
    card_of(3).save()
    assert (tmp_path / "elsewhere" / "C14.json").exists()


def test_the_seed_of_the_record_is_the_base_seed(monkeypatch):
    monkeypatch.setenv("DROPOUT_UTILS_SEED", "41")
    assert claim().judge(estimate(shifted(3))).data["seed"] == 41
    assert claim().judge(estimate(shifted(3)), seed=5).data["seed"] == 5
    with pytest.raises(ValueError, match="seed must be at least 0"):
        claim().judge(estimate(shifted(3)), seed=-1)


def test_saving_the_same_card_again_keeps_the_stamp_of_its_chapter_and_another_card_loses_it(tmp_path):
    path = tmp_path / "C14.json"
    card_of(3).save(tmp_path)
    evidence.write_json(path, {**json.loads(path.read_text()), "chapter_digest": "abc"})
    card_of(3).save(tmp_path)
    assert Card.load(path).data["chapter_digest"] == "abc"
    card_of(4).save(tmp_path)
    assert Card.load(path).data["chapter_digest"] is None


def test_a_folder_that_cannot_be_written_to_gives_one_clear_sentence(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OSError, match=r"claim C14 could not be written.*Set the environment variable"):
        card_of(3).save(blocked / "claims")


def test_a_write_that_is_cut_off_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    card_of(3).save(tmp_path)

    def cut_off(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", cut_off)
    with pytest.raises(OSError, match="No space left on device"):
        card_of(-3).save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["C14.json"]
    assert Card.load(tmp_path / "C14.json").verdict == "holds"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 99, "claim": "C14"}'])
def test_a_file_that_is_no_card_is_refused(tmp_path, text):
    path = tmp_path / "C14.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="a claim card of schema 1"):
        Card.load(path)
    card_of(3).save(tmp_path)  # and saving mends it
    assert Card.load(path).verdict == "holds"


def test_evidence_imports_neither_scipy_nor_matplotlib_nor_torch():
    import subprocess

    code = ("import sys, dropout_utils.evidence; "
            "print([m for m in ('scipy', 'matplotlib', 'torch', 'pandas') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
