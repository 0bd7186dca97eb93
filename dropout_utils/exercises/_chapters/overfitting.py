"""What counts as right in the chapter on overfitting."""

import math

from dropout_utils.exercises import _answers as answers
from dropout_utils.exercises.checking import exercise
from dropout_utils.exercises.quizzes import Question


@exercise("overfitting-1")
def count(answer):
    """Each hidden unit costs its incoming weights, its bias and its outgoing weights."""
    rounded = "At least so many: does the condition hold with the whole number that you give?"
    return answers.number(
        answer,
        1961,
        rel=0,
        hints={
            1960: rounded,
            (100_000 - 10) / 51: rounded,
            2000: "The two weight matrices are there. What else does a hidden unit have?",
            2439: "Count what leads from a hidden unit to the outputs, too.",
            2440: "Count what leads from a hidden unit to the outputs, too.",
            20: "So many parameters for each of the 1,000 examples.",
            100_021: "That counts parameters. How many units are that?",
        },
        otherwise="Count what one more hidden unit adds: weights in, weights out, and what else?",
    )


@exercise("overfitting-2")
def half_the_labels(answer):
    """Wrong labels are learned by heart like right ones, and dropout makes that harder."""
    parts = answer if isinstance(answer, (tuple, list)) else ()
    values = [answers.real(part) for part in parts]
    if len(values) != 2 or None in values:
        return "Two numbers are asked for: the training accuracy without dropout, then with it."
    without, with_it = values
    if max(values) > 1:
        return "Give shares between 0 and 1, please."
    if without < with_it:
        return "Which arm finds it harder to learn labels by heart? Look at the order of the two."
    if without < 0.97:
        return "Did shuffled labels stop the network without dropout earlier in this chapter?"
    if with_it > 0.98 or with_it < 0.6:
        return "With dropout it is something else. Run both arms, and compare them on the training labels."
    return None


@exercise("overfitting-3")
def disagreement(answer):
    """Two different networks: the second is drawn from those that are left."""
    return answers.law(
        answer,
        lambda q, S: 2 * q * (1 - q) * S / (S - 1),
        [(0.5, 2), (0.25, 4), (0.1, 20), (1.0, 7)],
        [
            (lambda q, S: 2 * q * (1 - q),
             "That draws both networks from all of them, so that one may be compared with itself."),
            (lambda q, S: q * (1 - q) * S / (S - 1),
             "The first may say 1 and the second 0. Is that the only way to disagree?"),
            (lambda q, S: q * (1 - q), "That is the variance of one answer. Two networks disagree in "
                                       "two ways."),
            (lambda q, S: 2 * q * (1 - q) * (S - 1) / S,
             "Once the first is drawn: how many are left, and how many of them say the other thing?"),
        ],
        names=("q", "S"),
    )  # fmt: skip


@exercise("overfitting-4")
def stopped_early(answer):
    """Most of the lead was the control's fault: it had been trained too long."""
    parts = answer if isinstance(answer, (tuple, list)) else ()
    values = [answers.real(part) for part in parts]
    if len(values) != 2 or None in values:
        return "Two numbers are asked for: the difference at the end, then that when both stop early."
    if any(math.isnan(value) for value in values):
        return "There is a NaN among them: somewhere nothing was averaged."
    end, early = values
    if end > 0:
        return "Is it dropout minus none? A lower loss is the better one."
    if not -2 < end < -0.2:
        return "At the end the lead is another one. Compare test losses in nats, on the half that had no say."
    if abs(early) > 0.2 * abs(end):
        return (
            "That is much of the lead. Does each network choose its own epoch, by its validation loss, and "
            "are both arms then read on the test half?"
        )
    return None


QUIZ = (
    Question(
        "A network gets 100% of its training labels right. What do you know about it?",
        (
            ("It has found the rule behind the data.", False,
             "It got 100% on shuffled labels too, where there was no rule to find."),
            ("It will do badly on new data.", False,
             "It may or may not. On clean moons long training did no harm."),
            ("That it can reproduce these labels, and no more.", True,
             "Learning and learning by heart look the same from here. Only new data tell them apart."),
        ),
    ),
    Question(
        "The test accuracy has settled, and the test loss goes on rising. What is happening?",
        (
            ("The network makes more and more mistakes.", False,
             "Then the accuracy would fall. It did not."),
            ("The network grows surer of the mistakes it makes.", True,
             "The loss asks how sure the network was. Accuracy only counts."),
            ("That cannot be: both measure the same thing.", False,
             "Accuracy looks at the largest probability only, the loss at the size of the right one."),
        ),
    ),
    Question(
        "Two networks start from the same weights and get different samples of the same data. They "
        "disagree on "
        "many fresh points. What does that measure?",
        (
            ("Variance: how much the answer hangs on the sample.", True,
             "Read it together with the error: an untrained pair agrees on everything and knows nothing."),
            ("Error: how often they are wrong.", False,
             "Two networks can disagree a lot and be wrong equally often."),
            ("The noise in the labels.", False,
             "Noise is a reason why they disagree, but clean labels and few points will do it, too."),
        ),
    ),
    Question(
        "Dropout narrowed the gap between training and test in every setting. In the narrow network, "
        "was that "
        "good?",
        (
            ("Yes: a smaller gap means better answers.", False,
             "There the test accuracy fell. The gap got smaller because the training accuracy fell "
             "still more."),
            ("No: the answers on new data got worse.", True,
             "The gap is a symptom. What counts is the error on new data."),
            ("It cannot be told without more seeds.", False,
             "There were 24 pairs, and the interval lies far from zero."),
        ),
    ),
    Question(
        "You compare two methods on the same seed, and all differences are exactly zero. What now?",
        (
            ("Report that the methods are equally good.", False,
             "Two different methods do not agree to the last digit in every run."),
            ("Add more seeds.", False, "Ten more zeros will say the same."),
            ("Look for the bug: both arms are probably the same.", True,
             "With other seeds in each arm it would have looked like an honest \"no effect\"."),
        ),
    ),
)  # fmt: skip
