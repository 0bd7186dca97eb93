"""What counts as right in the chapter on the ensemble analogy."""

import numpy as np

from dropout_utils import ensembles
from dropout_utils.exercises import _answers as answers
from dropout_utils.exercises.checking import exercise
from dropout_utils.exercises.quizzes import Question
from dropout_utils.numpy import softmax
from dropout_utils.seeding import generator


@exercise("ensemble-1")
def nothing_in_common(answer):
    """For one unit: not both keep it. For all units: a product, because they are independent."""
    return answers.law(
        answer,
        lambda n, p: (1 - (1 - p) ** 2) ** n,
        [(8, 0.5), (3, 0.2), (10, 0.9), (1, 0.7)],
        [
            (lambda n, p: (1 - p**2) ** n, "That no unit is dropped by both. Which units would they share?"),
            (lambda n, p: 1 - (1 - (1 - p) ** 2) ** n, "That is how likely it is that they share at "
                                                       "least one."),
            (lambda n, p: (1 - p) ** (2 * n), "That is how likely it is that both keep everything."),
            (lambda n, p: p ** (2 * n), "That both drop everything is one way. There are others."),
            (lambda n, p: p**n, "That is how likely it is that one of them drops everything."),
            (lambda n, p: (2 * p * (1 - p)) ** n,
             "One keeps it and the other drops it: and if both drop it?"),
            (lambda n, p: 1 - (1 - p) ** (2 * n),
             "Begin with one unit: how likely is it that the two do not share it?"),
        ],
        names=("n", "p"),
    )  # fmt: skip


def _mean_of_all(h, W2, b2, p, *, weigh="right", scale="right"):
    """The mean over all masks, rightly or with a mistake."""
    n = h.shape[-1]
    masks = ensembles.all_masks(n)
    kept = masks.sum(axis=1)
    weights = {
        "right": p ** (n - kept) * (1 - p) ** kept,
        "equal": np.full(2**n, 0.5**n),
        "swapped": p**kept * (1 - p) ** (n - kept),
    }[weigh]
    factor = {"right": 1 / (1 - p), "none": 1.0, "half": 2.0, "swapped": 1 / p}[scale]
    return sum(weight * softmax((h * m * factor) @ W2 + b2) for weight, m in zip(weights, masks, strict=True))


@exercise("ensemble-2")
def another_rate(answer):
    """Two things hang on the rate: how likely a mask is, and how much its kept units are scaled."""
    hint = answers.function(answer)
    if hint:
        return hint
    rng = generator(0, "another rate")
    for n, p in ((5, 0.2), (4, 0.7), (3, 0.5)):
        net = rng.random((6, n)), rng.normal(size=(n, 3)), rng.normal(size=(1, 3)), p
        found = np.asarray(answers.result(answer(*net)), dtype=float)
        if found.shape != (6, 3):
            return (
                f"Probabilities of the shape (examples, classes) are asked for, here (6, 3); got "
                f"{found.shape}."
            )
        if np.allclose(found, _mean_of_all(*net), atol=1e-6):
            continue
        if not np.allclose(found.sum(axis=1), 1, atol=1e-6):
            return f"At p = {p} with {n} units the probabilities do not add up to 1. Do those of the masks?"
        for mistake, hint in (
            ({"weigh": "equal"}, "All masks count the same here. Which masks are more likely at a small "
                                 "rate?"),
            ({"weigh": "swapped"}, "Keeping and dropping are mixed up in the probability of a mask."),
            ({"scale": "half"}, "The masks have their probabilities. The scaling is still that of one half."),
            ({"scale": "none"}, "The kept units are not scaled."),
            ({"scale": "swapped"}, "The scaling makes up for what is dropped. By what do you divide?"),
            ({"weigh": "equal", "scale": "half"}, "This is the mean at one half, whatever p is."),
        ):
            if np.allclose(found, _mean_of_all(*net, **mistake), atol=1e-6):
                return hint
        return f"At p = {p} with {n} units these are other probabilities. Which parts of the loop hang on p?"
    return None


@exercise("ensemble-3")
def correlated(answer):
    """Averaging cures what members get wrong alone, and leaves what all get wrong together."""
    return answers.law(
        answer,
        lambda sigma, rho, M: sigma**2 * (rho + (1 - rho) / M),
        [(1.0, 0.4, 10), (2.0, 0.25, 4), (3.0, 0.0, 5), (0.5, 1.0, 8), (2.0, 0.3, 1)],
        [
            (lambda sigma, rho, M: sigma**2 / M, "That holds for independent members. How many pairs "
                                                 "are there?"),
            (lambda sigma, rho, M: sigma * (rho + (1 - rho) / M), "Is that a variance, or a deviation?"),
            (lambda sigma, rho, M: rho + (1 - rho) / M, "What happens if all errors are twice as large?"),
            (lambda sigma, rho, M: sigma**2 * rho, "That is what infinitely many members leave."),
            (lambda sigma, rho, M: sigma**2 * ((1 - rho) + rho / M),
             "Which of the two parts goes away as more members come?"),
            (lambda sigma, rho, M: sigma**2 * (1 + (M - 1) * rho),
             "The sum of all covariances is divided by M. It is the mean of the errors squared: divide "
             "again?"),
        ],
        names=("sigma", "rho", "M"),
    )  # fmt: skip


@exercise("ensemble-4")
def smaller_rate(answer):
    """More in common: better members, more alike, and less to gain from asking many."""
    names = ("accuracy of one member", "disagreement", "gain from averaging")
    if not isinstance(answer, (tuple, list, np.ndarray)) or len(answer) != 3:
        return f"Three changes are asked for, in this order: {', '.join(names)}."
    hints = (
        "At a smaller rate, does a member have more units, or fewer?",
        "At a smaller rate, do two members share more of their units, or less?",
        "If members are better and more alike, is there more or less to gain?",
    )
    for name, value, sign, hint in zip(names, answer, (1, -1, -1), hints, strict=True):
        found = answers.real(value)
        if found is None or not abs(found) > 0:
            return f"{name[0].upper()}{name[1:]}: give +1, −1, or the change that you measured."
        if found * sign < 0:
            return f"{name[0].upper()}{name[1:]}: {hint}"
    return None


QUIZ = (
    Question(
        "Averaging all sub-networks beats a single sub-network. What does that say about dropout?",
        (
            ("That dropout trained an ensemble.", False,
             "The same holds in a network trained without dropout, and there averaging gains more."),
            ("Nothing yet: a network trained without dropout shows it, too.", True,
             "What dropout adds is the other half: better members."),
            ("That the whole network is worse than the average.", False,
             "The whole network came within a point of the average."),
        ),
    ),
    Question(
        "A sub-network that was never drawn in training: how good is it, beside one that was?",
        (
            ("Useless: nobody trained it.", False, "Measured, the two differed by less than 0.6 points."),
            ("As good.", True, "Others that hold the same weights were trained in its place."),
            ("Better: it cannot have overfitted.", False, "Measured, the two differed by less than 0.6 "
                                                          "points."),
        ),
    ),
    Question(
        "Which ensemble is the best of these?",
        (
            ("The one whose members disagree most.", False,
             "Random numbers disagree most of all."),
            ("The one that gains most from averaging.", False,
             "Bad members leave much to gain. The average may still be the worse one."),
            ("It takes the accuracy of the average to say.", True,
             "And beside it that of a member, and the cost. Disagreement or gain alone say little."),
        ),
    ),
    Question(
        "Two sub-networks share half of their units; two independent networks of their size share none. "
        "Whose "
        "errors were more alike?",
        (
            ("Those of the sub-networks, because they share weights.", False,
             "Sharing pulls that way. Something else pulled harder the other way."),
            ("Those of the independent networks.", True,
             "Each had to solve the whole task alone. A sub-network was only ever trained as a part."),
            ("Neither: errors are independent.", False,
             "Networks trained on the same examples fail on much the same ones."),
        ),
    ),
    Question(
        "You average the logits of all sub-networks with one hidden layer, then take one softmax. What "
        "have you "
        "got?",
        (
            ("The arithmetic mean of their probabilities.", False,
             "For that the softmax has to come first, for each member."),
            ("The whole network, once more.", True,
             "Logits are linear in the mask. Their mean is the value at the mean mask."),
            ("A better ensemble, for less work.", False,
             "It is less work because it is no ensemble: it is one network."),
        ),
    ),
)  # fmt: skip
