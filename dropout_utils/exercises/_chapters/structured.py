"""What counts as right in the chapter on structured and adaptive dropout."""

import math

from dropout_utils.exercises import _answers as answers
from dropout_utils.exercises.checking import exercise
from dropout_utils.exercises.quizzes import Question


@exercise("structured-1")
def depth(answer):
    """A step trains a network about three blocks shallower, and seldom the whole one."""
    grows = "The rate is not the same for all blocks: it grows with the depth."
    each = "A mean rate does not do: multiply each block's own chance."
    return answers.numbers(
        answer,
        [
            ("mean depth", 8.75, {
                3.25: "So many blocks are skipped. How many are passed?",
                6: grows,
                9.25: "The first block is dropped, too: the rule has the block's number, counted from 1.",
                9: "The rate rises to 0.5 in the last block. Which rate does the first one have?"}),
            ("all of them", math.prod(1 - 0.5 * i / 12 for i in range(1, 13)), {
                0.5**12: grows,
                (8.75 / 12) ** 12: each, 0.75**12: each,
                math.prod(0.5 * i / 12 for i in range(1, 13)): "That is the chance that it passes none.",
                math.prod(1 - 0.5 * i / 12 for i in range(12)): "The first block has a coin as well.",
                0.5: "That is the last block alone."}),
        ],
        rel=0.01,
    )  # fmt: skip


@exercise("structured-2")
def steadier(answer):
    """The one keeps the total and loses a little of the mean, the other keeps the mean and varies more."""
    units = "In units of the total without dropout, please."
    variance = "This looks like the variance."
    return answers.numbers(
        answer,
        [
            ("mean of kept", 15 / 16, {
                1: "Nearly. What comes out when all four heads are gone?",
                0.5: "It divides by the heads that are left, so the total is made up for.",
                3.75: units, 1 / 16: "That is the chance of nothing."}),
            ("deviation of kept", math.sqrt(15) / 16, {
                15 / 256: variance, math.sqrt(15) / 4: units,
                0: "The total is not always the same: sometimes nothing is left."}),
            ("mean of rate", 1, {
                15 / 16: "Here every kept head is scaled, however many there are. What does that keep?",
                0.5: "Kept heads are scaled by 1/(1-p).", 4: units}),
            ("deviation of rate", 0.5, {
                0.25: variance, 1: "That is one head alone. Four independent ones vary less.",
                2: units, 0: "The number of kept heads varies."}),
        ],
        rel=0.01,
    )  # fmt: skip


@exercise("structured-3")
def stopped(answer):
    """Where a model may stop in time, there is far less left for dropout to cure."""
    parts = answer if isinstance(answer, (tuple, list)) else ()
    values = [answers.real(part) for part in parts]
    if len(values) != 2 or None in values:
        return "Two numbers are asked for: the difference after the last pass, then that at the best pass."
    last, best = values
    if any(math.isnan(value) for value in values):
        return "There is a NaN among them: somewhere nothing was averaged."
    if last > 0.5:
        return "Which arm is better after the last pass? It is dropout minus none."
    if abs(last) < 0.5 < abs(best):
        return "The difference after the last pass comes first."
    if last > -0.5:
        return "After the last pass the arms are further apart. Are these 64 passes over 64 texts, in nats?"
    if abs(best) >= 0.5 * abs(last):
        return "Does each run choose its own best pass, by the lowest loss along the way?"
    return None


QUIZ = (
    Question(
        "What does DropPath share a coin among?",
        (
            ("All examples of a step.", False, "So does LayerDrop, and stochastic depth as first published."),
            ("All numbers of one example in one branch.", True,
             "One coin for each example and branch: the mask needs its missing axes."),
            ("Nothing: every number has a coin of its own.", False, "That is ordinary dropout."),
        ),
    ),
    Question(
        "DropHead divides by the heads that are left. Does that keep the expected output of a head?",
        (
            ("Yes, exactly.", False, "It would, if there were always a head left."),
            ("No: it is off by the factor `1 - p`.", False,
             "Dividing by what is left makes up for that."),
            ("Up to the factor `1 - p^H`.", True,
             "With chance `p^H` all heads are gone, and nothing can be scaled up."),
        ),
    ),
    Question(
        "DropHead helped where labels were shuffled. Was it the structure that helped?",
        (
            ("It cannot be said: most of the gain came with simpler rivals, too.", True,
             "Single attention weights and ordinary dropout were compared on the same seeds."),
            ("No: DropHead did harm.", False,
             "Against no dropout it gained more than three points. The question is what else would have."),
            ("Yes: it was ahead of no dropout.", False, "So were the rivals that drop single numbers."),
        ),
    ),
    Question(
        "Two of four heads will be removed after training. Which training prepares a network for that?",
        (
            ("DropHead.", True, "Train with the parts missing that will be missing."),
            ("No dropout.", False, "A network that never met a missing part leans on all of them."),
            ("LayerDrop.", False, "It paid where whole layers went."),
        ),
    ),
    Question(
        "One pass over fresh texts, dropout at 0.1. Why did it do harm?",
        (
            ("The rate was too low to help.", False, "There was nothing to help with: no gap had opened."),
            ("There was no gap to close, only the price to pay.", True,
             "Every batch was new, so each batch was a test before it was learned from."),
            ("Dropout does not work in language models.", False,
             "In 64 passes over a small corpus it helped by more than a nat."),
        ),
    ),
)  # fmt: skip
