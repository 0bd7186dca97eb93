"""What counts as right in the chapter on reproducing the papers."""

import numpy as np

from dropout_utils.exercises import _answers as answers
from dropout_utils.exercises.checking import exercise
from dropout_utils.exercises.quizzes import Question


@exercise("reproducing-1")
def the_speed_limit(answer):
    """A parameter under Adam moves by about its step size in an update."""
    return answers.number(
        answer,
        np.log(9) / 0.001,
        rel=5e-3,
        hints={
            400: "That is the way of the rate itself, from 0.1 to 0.5. What is learned is its logit.",
            np.log(9): "That is the way that the logit goes. How many steps of 0.001 is that?",
            np.log(10) / 0.001: "The logit is log(p / (1 - p)), not log(p).",
            np.log(5) / 0.001: "The logit is log(p / (1 - p)), not log(p).",
        },
        otherwise="How far is it from the logit of 0.1 to the logit of 0.5, and how far goes one update?",
    )


@exercise("reproducing-2")
def two_conventions(answer):
    """Their p keeps, ours drops; pn is the number of survivors."""
    return answers.numbers(
        answer,
        [
            ("rate", 0.9, {0.1: "Their p is the probability to keep. What is the probability to drop?"}),
            ("units", 2560, {
                25.6: "256 units survive. How many must there be, if one in ten does?",
                284.4: "Their p is the probability to keep: one in ten survives.",
                256: "Those are the survivors. How many units are there?"}),
        ],
        rel=2e-3,
    )  # fmt: skip


@exercise("reproducing-3")
def an_order_without_a_past(answer):
    """The number of the epoch goes into the stream."""
    hint = answers.function(answer)
    if hint:
        return hint
    found = answer(3, 7, 50)
    if found is ... or found is None:
        raise answers.NoAnswer
    late = np.asarray(found)
    if late.dtype == object or not np.array_equal(np.sort(late.ravel()), np.arange(50)):
        return "It must hold each of the numbers 0 to n - 1 once."
    for earlier in range(3):
        answer(3, earlier, 50)
    if not np.array_equal(np.asarray(answer(3, 7, 50)), late):
        return "Epoch 7 has another order after epochs 0 to 2 were asked for: there is a past in it."
    if np.array_equal(np.asarray(answer(3, 8, 50)), late):
        return "Epochs 7 and 8 have the same order. Does the number of the epoch go in?"
    if np.array_equal(np.asarray(answer(4, 7, 50)), late):
        return "Seeds 3 and 4 have the same order. Does the seed go in?"
    return None


QUIZ = (
    Question(
        "A training with dropout is killed and taken up from its weights, momentum and step number. Its "
        "masks come from one stream of random numbers. What is the result?",
        (
            ("The same as without the kill.", False,
             "The new process begins the stream anew, so the masks after the kill are others."),
            ("Another one, unless the state of the stream was kept too.", True,
             "Or unless there is no state: masks from a counter depend on the step alone."),
            ("An error.", False, "Nothing fails. That is what makes it easy to miss."),
        ),
    ),
    Question(
        "In the UCI experiments, what is called the \"standard\" error?",
        (
            ("The error of the scaled network.", False,
             "Most readers would think so. In the published code it is one random pass."),
            ("The error of one random pass.", True,
             "Compared with that, Monte Carlo gains much; compared with scaling, next to nothing."),
            ("The standard error of the mean.", False, "That is another number, and stands after the ±."),
        ),
    ),
    Question(
        "A rate is learned as a logit, from 0.1, by Adam with step size 0.001. After 1,000 updates it stands "
        "at 0.23. What did the data say?",
        (
            ("That 0.23 is the best rate.", False, "Look at how far 1,000 updates can go."),
            ("That a higher rate would be better, perhaps much higher.", True,
             "0.23 is the speed limit of 1,000 updates from 0.1."),
            ("Nothing.", False, "They said \"up\", and all the time. They did not say how far."),
        ),
    ),
    Question(
        "Your mean of five seeds is 1.4%, the paper says 1.25%. What comes first?",
        (
            ("The paper is wrong.", False, "Perhaps. Did you both follow one recipe, and for how long?"),
            ("More seeds, until the interval covers 1.25%.", False,
             "More seeds make it narrower. And stopping when one likes the answer is no test."),
            ("Recipe, number of updates, what was tuned on what; then luck.", True,
             "Luck has a size: the interval. What is far outside of it has another cause."),
        ),
    ),
)  # fmt: skip
