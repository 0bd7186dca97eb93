"""What counts as right in the chapter on the mechanism."""

import math

import numpy as np

from dropout_utils import numpy as du
from dropout_utils.exercises import _answers as answers
from dropout_utils.exercises.checking import exercise
from dropout_utils.exercises.quizzes import Question
from dropout_utils.masks import keep_mask
from dropout_utils.seeding import generator


@exercise("mechanism-1")
def hundred_units(answer):
    """The count of kept units is binomial, and scaling stretches mean and deviation alike."""
    variance = "This looks like the variance."
    return answers.numbers(
        answer,
        [
            ("mean without scaling", 60, {40: "Those are dropped. How many are kept?"}),
            ("deviation without scaling", math.sqrt(24), {24: variance}),
            ("mean with inverted scaling", 100, {
                60: "Inverted scaling changes what the kept units send.",
                36: "Inverted scaling makes the kept units larger, not smaller."}),
            ("deviation with inverted scaling", math.sqrt(24) / 0.6, {
                math.sqrt(24): "Whatever stretches the mean stretches the noise as well.",
                24 / 0.36: variance,
                math.sqrt(24) * 0.6: "Inverted scaling makes the kept units larger, not smaller."}),
            ("sum in evaluation", 100, {60: "In evaluation nothing is dropped. And what is scaled?"}),
        ],
        rel=0.02,
    )  # fmt: skip


@exercise("mechanism-2")
def sitting_out(answer):
    """All of the batch must drop it, so the chance falls by a factor p with every example."""
    large = "With so large a batch the chance is already below 1%."
    return answers.numbers(
        answer,
        [
            ("at p = 0.5", 6, {
                7: large, math.log(0.01) / math.log(0.5): "A batch has a whole number of examples.",
                50: "Chances of independent events do not add up. What do they do?"}),
            ("at p = 0.9", 43, {
                44: large, math.log(0.01) / math.log(0.9): "A batch has a whole number of examples.",
                2: "Here p is the chance of being dropped, not of being kept.",
                90: "Chances of independent events do not add up. What do they do?"}),
        ],
        rel=1e-9,
    )  # fmt: skip


@exercise("mechanism-3")
def gaussian(answer):
    """Mean and variance agree, and yet no unit is ever silent."""
    hint = answers.function(answer)
    if hint:
        return hint
    for i, p in enumerate((0.3, 0.7, 0.5)):
        x = np.full((400, 500), 2.0)
        y = np.asarray(answers.result(answer(x, p, generator(0, "gaussian", i))), dtype=float)
        if y.shape != x.shape:
            return f"The shape is to stay {x.shape}; what came back has {y.shape}."
        if (x != 2.0).any():
            return "The input has been changed. Return a new array."
        noise = y / 2
        if np.abs(noise[0] - noise[1]).max() == 0 or np.abs(noise[:, 0] - noise[:, 1]).max() == 0:
            return "Every entry is to have a noise of its own."
        if (y == 0).any():
            return "Some units are exactly zero: that is dropout itself. The noise asked for is Gaussian."
        hint = _noise(noise, p)
        if hint:
            return hint
    return None


def _noise(noise, p):
    if abs(noise.mean() - 1) > 0.02 * max(1, p / (1 - p)):
        return "The noise that the activations are multiplied by is to have the mean 1."
    wanted, found = math.sqrt(p / (1 - p)), noise.std()
    if abs(found / wanted - 1) < 0.02:
        fourth = (((noise - noise.mean()) / found) ** 4).mean()  # 3 for a Gaussian
        return None if abs(fourth - 3) < 0.1 else "Mean and size are right. Is the noise a Gaussian one?"
    mistakes = {
        p / (1 - p): "That is the right variance, used as a deviation.",
        math.sqrt(p * (1 - p)): "That is the deviation of the mask before scaling.",
        math.sqrt((1 - p) / p): "This p is the chance of keeping. Here it is that of dropping.",
        p * (1 - p): "That is the variance of the mask before scaling.",
        wanted / 2: "The noise is to multiply the activations: larger ones get more of it.",
        1.0: "How does the size of the noise hang on p?",
    }
    for mistake, hint in mistakes.items():
        if abs(found / mistake - 1) < 0.02:
            return hint
    return f"At p = {p} the noise has another size than that of dropout."


@exercise("mechanism-4")
def gentle_adam(answer):
    """Zero gradient or not, Adam moves what it remembers; only putting back keeps a weight still."""
    hint = answers.function(answer)
    if hint:
        return hint
    for batch in (1, 3):
        nets = [du.MLP((5, 8, 3), 0.5, rng=[generator(0, "gentle", s) for s in range(4)]) for _ in range(2)]
        rules = [du.Adam(net.parameters) for net in nets]
        x, y = generator(0, "x").normal(size=(batch, 5)).astype(np.float32), np.arange(batch) % 3
        for step in range(6):
            before = [w.copy() for w in nets[0].parameters]
            for plain, plain_one in zip(nets[1].parameters, nets[0].parameters, strict=True):
                plain[...] = plain_one
            mask = keep_mask((4, batch, 8), 0.5, generator(0, "masks", batch, step))
            gradients = []
            for net in nets:
                logits = net.forward(x, masks=[mask])
                gradients.append(net.backward(du.softmax_cross_entropy(logits, y)[1]))
            answer(rules[0], [g.copy() for g in gradients[0]], mask)
            rules[1].step(gradients[1])
            hint = _gentle(before, nets[0].parameters, nets[1].parameters, ~mask.any(axis=1), step == 0)
            if hint:
                return hint
    return None


def _gentle(before, after, plain, out, first):
    moved = [now != then for now, then in zip(after, before, strict=True)]
    if not any(m.any() for m in moved[:3]):
        return "Nothing moves at all: the units that were kept are to make their step."
    names = ("incoming weights", "bias", "outgoing weights")
    still = (out[:, None, :], out[:, None, :], out[:, :, None])
    for name, m, where in zip(names, moved, still, strict=False):
        if (m & where).any():
            return (
                f"The {name} of a unit that was dropped in every example still move. A zero gradient "
                "is not enough: what else does Adam go by?"
            )
    for name, m, old, wanted, where in zip(names, moved, before, plain, still, strict=False):
        if ((wanted != old) & ~where & ~m).any():
            return (
                f"The {name} of a unit that was kept in some example stay. Only a unit dropped in "
                f"all may stay."
            )
    if not moved[3].any():
        return "The biases of the outputs belong to no hidden unit: they are to move as ever."
    # later steps may differ: who restores the moments too has another history
    same = [np.allclose(np.where(w, 0, now), np.where(w, 0, p), atol=1e-7)
            for now, p, w in zip(after, plain, (*still, False), strict=True)]  # fmt: skip
    return None if all(same) or not first else "What moves is to make Adam's own step, and does not."


@exercise("mechanism-5")
def copies(answer):
    """A prediction that comes true speaks for a reason; it does not prove it."""
    return answers.between(
        answer,
        10,
        1000,
        below=(
            "Hardly a rise. Is it a change in percent, against no dropout? And at your rate, how many "
            "of the 128 "
            "units are left on average?"
        ),
        above="So much? The change is in percent of the correlation without dropout.",
    )


QUIZ = (
    Question(
        "A layer has 128 units and `p = 0.5`. How many are dropped in one example?",
        (
            ("Exactly 64, others each time.", False,
             "Each unit is drawn by itself. Exactly 64 come up in fewer than ten examples of a hundred."),
            ("A random number; 64 on average.", True,
             "The count is binomial: every unit is dropped with probability p, whatever the others do."),
            ("At most 64.", False, "More than 64 are dropped about as often as fewer."),
        ),
    ),
    Question(
        "A unit was dropped in every example of this step. Under which optimiser do its weights stay exactly "
        "where they are?",
        (
            ("Adam.", False, "It remembers earlier gradients and goes on in their direction."),
            ("Plain SGD.", True, "No gradient, no step. It is the only one of the five."),
            ("SGD with weight decay.", False, "Decay shrinks every weight in every step, gradient or none."),
            ("All of them: the gradient is zero.", False,
             "The gradient is zero for all. What an optimiser makes of it is another matter."),
        ),
    ),
    Question(
        "500 examples, batches of 50, one epoch. How many freshly drawn sub-networks does training meet?",
        (
            ("1", False, "That is what \"each epoch trains a different sub-network\" says, and it is "
                         "not so."),
            ("10", False, "That would be one for each step. Look at the shape of the mask."),
            ("500", True, "Each example of each step has a mask of its own."),
        ),
    ),
    Question(
        "Somebody's dropout layer divides by `p` where it should divide by `1 - p`. At which rate does "
        "no test "
        "find it?",
        (
            ("0.5", True, "There both are the same. A test that tries one half only proves nothing."),
            ("0.1", False, "There the output would be nine times as large."),
            ("0.9", False, "There the output would be nine times too small."),
        ),
    ),
    Question(
        "\"With dropout, units become less correlated.\" What did we measure?",
        (
            ("Yes, at both widths.", False, "In the narrow network the correlation rose."),
            ("Less in the wide network, more in the narrow one.", True,
             "Not depending on single units and being uncorrelated are two things."),
            ("No, at neither width.", False, "In the wide network it fell."),
        ),
    ),
)  # fmt: skip
