"""What counts as right in the chapter on choosing a rate."""

import numpy as np

from dropout_utils import results
from dropout_utils.exercises import _answers as answers
from dropout_utils.exercises.checking import exercise
from dropout_utils.exercises.quizzes import Question
from dropout_utils.seeding import generator


@exercise("rates-1")
def translate(answer):
    """What you type is the share that goes; what the layer is widened by is the share that stays."""
    keeping = "That is how likely a unit is to be kept. You type how likely it is to be dropped."
    return answers.numbers(
        answer,
        [
            ("rate of the hidden units", 0.5, {
                0.2: "Which of the two probabilities belongs to the hidden units?",
                0.8: "Which of the two probabilities belongs to the hidden units?"}),
            ("rate of the inputs", 0.2, {
                0.8: keeping, 0.5: "Which of the two probabilities belongs to the inputs?"}),
            ("units", 512, {
                128: "You multiplied by the share that is kept. The layer has to become wider.",
                320: "That is the share of the inputs. The layer loses hidden units.",
                1280: "Divide by the probability of keeping a hidden unit.",
                256: "So many were needed without dropout. Some of them will be missing."}),
        ],
    )  # fmt: skip


@exercise("rates-2")
def two_scores(answer):
    """The loss asks how sure a network is: it wants more dropout where networks are too sure, else less."""
    best = results.read("rate-map")["best"]
    by_loss, by_accuracy = (np.array(best[name]["rate"]) for name in ("test_loss", "test_accuracy"))
    higher, lower = (
        [int(hit.sum()) for hit in hits] for hits in (by_loss > by_accuracy, by_loss < by_accuracy)
    )

    def hints(data, own, other):
        settings = by_loss[data].size
        return {
            other[data]: "That is how many there are the other way round.",
            sum(own): "That is the whole map. Count for each data set.",
            settings - other[data]: "In some settings both scores ask for the same rate. Those do not count.",
            own[1 - data]: "That is the other data set.",
        }

    names = ("MNIST-1D", "digits")
    parts = [
        (f"{names[i]}, {way}", own[i], hints(i, own, other))
        for i in (0, 1)
        for way, own, other in (("higher", higher, lower), ("lower", lower, higher))
    ]
    return answers.numbers(
        answer, [(c, n, {k: v for k, v in said.items() if k != n}) for c, n, said in parts], rel=0
    )


def _scores(means, *, noise=0.2, luck=3.0):
    """Scores (rates, seeds) with these means: `luck` is shared by all rates of a seed, `noise` is not."""
    rng = generator(0, "rates-3")
    own = rng.standard_normal((len(means), 24))
    own -= own.mean(axis=1, keepdims=True)  # so the order of the means is the one that was asked for
    return 70 + np.array(means)[:, None] + luck * rng.standard_normal(24) + noise * own


@exercise("rates-3")
def lowest_good(answer):
    """Among rates that cannot be told apart, the lowest one trains fastest."""
    hint = answers.function(answer)
    if hint:
        return hint
    rates = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7)
    cases = (  # means of the six rates, noise, the place asked for
        ((-9, -6, -3, 0, -3, -9), 0.2, 3),
        ((0, -2, -4, -6, -9, -20), 0.2, 0),
        ((-9, -0.1, -0.1, 0, -4, -9), 2.0, 1),
        ((-9, -9, -0.6, 0, -4, -9), 0.2, 3),  # clear in pairs, drowned in luck without
    )
    found = []
    for means, noise, _ in cases:
        value = answers.real(answers.result(answer(_scores(means, noise=noise))))
        if value is None:
            return "The function is to return one number: the place of a rate."
        found.append(value)
    places = [place for _, _, place in cases]
    if found == places:
        return None
    if found == [rates[place] for place in places]:
        return "That is the rate itself. Return its place in RATES, as `argmax` does."
    if not all(value in range(len(rates)) for value in found):
        return "A place in RATES is a whole number from 0, as `argmax` returns it."
    if found == [int(np.argmax(means)) for means, _, _ in cases]:
        return "That is the plain best. On a flat top the lowest rate is asked for."
    if found[:3] == places[:3]:
        return (
            "On a clear top it takes a rate that loses in nearly every seed. All rates share their seeds: "
            "compare in pairs."
        )
    if found[2] == 0 or found[0] < 3:
        return "It takes a rate that is clearly worse than the best. When is a rate not worse?"
    return "On one of the tables that were tried, another rate is the lowest that is not worse."


@exercise("rates-4")
def early_and_less(answer):
    """Two cures for one illness: with the one at hand, there is less to gain from the other."""
    parts = answer if isinstance(answer, (tuple, list)) else ()
    values = [answers.real(part) for part in parts]
    if len(values) != 2 or None in values:
        return "Two numbers are asked for: the span at the last epoch, then that at the best looks."
    if any(np.isnan(values)):
        return "There is a NaN among them: somewhere nothing was averaged."
    end, best = values
    if min(values) < 0:
        return "A span is the highest score minus the lowest, so it is not negative."
    if end < 1:
        return "So close together? Give points, not shares, and average over the seeds first."
    if max(values) > 40:
        return "So large? Take the rates from 0 to 0.5, average over the seeds, then compare the rates."
    if best >= end:
        return "Look at rate 0 at the end and at its best look. Where are the rates closer together?"
    return None


@exercise("rates-5")
def late_or_early(answer):
    """An interval says what a single number hides: how little such a choice may matter."""
    large = "So large a difference? It is (0.1, 0.4) minus (0.4, 0.1), in points."
    return answers.interval(answer, -3, 3, (0.2, 6), otherwise=large)


QUIZ = (
    Question(
        "At `p = 0.7` the curve through the twenty points is smooth. Is it a better curve?",
        (
            ("Yes: it follows the noise less.", False,
             "It does, and it also lost more than 30% of its slope. Its error is higher than without "
             "dropout."),
            ("No: it has become too flat.", True,
             "Noise makes large outputs expensive, so the curve shrinks. Smooth and right are two things."),
            ("It cannot be told without more points.", False,
             "The error on fresh points was measured, in pairs. It is higher."),
        ),
    ),
    Question(
        "Why was the distance between two curves compared with that of another start?",
        (
            ("Because any retraining moves the curve.", True,
             "At low rates the curve moved hardly further than another start moves it. That is no effect "
             "of the rate."),
            ("To make the comparison faster.", False, "It costs one more network for each seed."),
            ("To find the best start.", False, "No start was chosen. It is the yardstick."),
        ),
    ),
    Question(
        "On average over the map, what moves the best rate up?",
        (
            ("More examples.", False, "With more examples there is less to cure: the best rate falls."),
            ("A second hidden layer.", False, "The noise of both layers adds up: the best rate falls."),
            ("Wider layers, and wrong labels.", True,
             "Wide layers bear more noise, and wrong labels leave more to cure."),
        ),
    ),
    Question(
        "Somebody tries only rates from 0.2 to 0.5. Where did that cost accuracy?",
        (
            ("In narrow networks on digits.", True,
             "There the best rate is 0, and 0 is not on the list. Always put it on yours."),
            ("In wide networks on noisy digits.", False,
             "There the advice is good: it lost less than a point on average."),
            ("Nowhere: that is what the rule is for.", False,
             "It is a rule for networks with room to spare. Not all have it."),
        ),
    ),
    Question(
        "On noisy digits dropout led by more than six points. What happened once both arms could stop early?",
        (
            ("Nothing: dropout does not care.", False,
             "The lead fell below four points. The control gained most from stopping."),
            ("Most of the lead was gone.", True,
             "The control had been trained too long. Tune it as well, or the gain is partly its fault."),
            ("The lead grew.", False, "Stopping early and dropping treat the same illness."),
        ),
    ),
)  # fmt: skip
