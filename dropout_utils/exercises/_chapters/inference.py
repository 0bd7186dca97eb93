"""What counts as right in the chapter on inference scaling."""

import numpy as np

from dropout_utils.exercises import _answers as answers
from dropout_utils.exercises.checking import exercise
from dropout_utils.exercises.quizzes import Question
from dropout_utils.masks import keep_mask
from dropout_utils.seeding import generator


@exercise("inference-1")
def both_at_once(answer):
    """Each matrix is scaled by the share of its inputs that was kept; biases are never dropped."""
    inverse = (
        "That is what inverted scaling does, in training. Here it is inference, and nothing was "
        "scaled before."
    )
    layer = "Each matrix makes up for what was dropped right in front of it, and for nothing else."
    return answers.numbers(
        answer,
        [
            ("behind the input", 0.8, {
                0.2: "Is that the share that was dropped, or that was kept?", 1.25: inverse, 0.4: layer,
                0.5: "Which rate acts in front of which matrix?", 1: layer}),
            ("behind the hidden layer", 0.5, {
                2: inverse, 0.4: layer, 0.8: "Which rate acts in front of which matrix?", 1: layer}),
        ],
    )  # fmt: skip


@exercise("inference-2")
def width_of_the_hill(answer):
    """Noise of a tenth of the signal: a hundred units hide what each one suffers."""
    return answers.number(
        answer,
        0.5,
        hints={
            1 / 11: "You have set the variance to the number, not the deviation.",
            0.01 / 1.01: "That is the rate for a single unit. A hundred independent ones are less noisy.",
            0.1: "A rate of one tenth is not a noise of one tenth. Use the variance.",
            1e-4 / 1.0001: "Compare it with the signal of all hundred units, not with that of one.",
            100 / 101: "There the noise is as large as the whole signal. A tenth of it is asked for.",
        },
        otherwise="The deviation of the sum, by your formula, is to be a tenth of its mean. Solve that "
                  "for p.",
    )


def _cases(p):
    """Name, model, activation in training and at inference: as the bugs of the chapter would make them."""
    masks = generator(0, "inference-3", "masks")
    mean = float((keep_mask(20_000, p, masks) / (1 - p)).mean())  # like all measured means, a little off
    noisy = generator(0, "inference-3", "noisy")

    def left_on(x):
        return x * keep_mask(np.shape(x), p, noisy) / (1 - p)

    return (
        ("correct", lambda x: 2 * x, mean, 1.0),
        ("left on", left_on, mean, 1.0),
        ("not scaled", lambda x: 2 * x, mean * (1 - p), 1.0),
        ("scaled twice", lambda x: 2 * x, mean, 1 - p),
    )


@exercise("inference-3")
def a_test(answer):
    """Predict twice and compare; compare the scale. Two lines find all three bugs."""
    hint = answers.function(answer)
    if hint:
        return hint
    for p in (0.5, 0.2):
        for name, model, h_train, h_eval in _cases(p):
            try:
                said = answer(model, np.ones(500), h_train, h_eval)
            except AssertionError as error:
                said, passed = error, False
            else:
                if said is ...:
                    raise answers.NoAnswer
                passed = said is None or bool(said)
            if name == "correct" and not passed:
                return (
                    f"It fails for a network without a bug (p = {p}). Means over random masks never "
                    f"agree to the "
                    "last digit: is there some tolerance?"
                )
            if name != "correct" and passed:
                return (
                    f"It does not notice \"{name}\" at p = {p}. What does this bug change that you "
                    f"could look at?"
                )
    return None


@exercise("inference-4")
def between_the_means(answer):
    """The geometric mean is sharper, and modest networks gain from that."""
    return answers.between(
        answer,
        -0.2,
        -0.005,
        below="So large a difference? Compare mean losses in nats, network by network.",
        above="Is it geometric minus arithmetic? Compare the losses, network by network.",
    )


QUIZ = (
    Question(
        "With inverted scaling, what is to be done at inference?",
        (
            ("Multiply the activations by `1 - p`.", False,
             "That would scale twice: it belongs to the other cure."),
            ("Nothing.", True, "The factor was there in training already."),
            ("Average many random passes.", False,
             "One may, and pay for it. The scaling itself asks for nothing."),
        ),
    ),
    Question(
        "Which of the three scaling bugs does accuracy hide best?",
        (
            ("Left on.", False, "Two passes that differ cost many right answers."),
            ("Not scaled.", True, "It cost the least accuracy and by far the most loss: logits that are "
                                 "too large."),
            ("Scaled twice.", False, "It cost the most accuracy: the biases decide."),
        ),
    ),
    Question(
        "Your PyTorch model gives two answers to the same input, though it runs under "
        "`torch.no_grad()`. Why?",
        (
            ("`no_grad` stops gradients, not dropout: `eval()` is missing.", True,
             "Or a functional dropout that does not know of `eval()`. Predict twice and compare."),
            ("Rounding.", False, "The same program on the same numbers rounds the same way."),
            ("The weights have changed.", False, "Nothing changes them without an optimiser's step."),
        ),
    ),
    Question(
        "For one hidden layer and a softmax, what does the scaled network compute exactly?",
        (
            ("The arithmetic mean of all sub-networks' probabilities.", False,
             "It came within a point of it in accuracy. Exact it is for another mean."),
            ("Their normalised geometric mean.", True,
             "Averaging logits is averaging logarithms, and the logits are linear in the mask."),
            ("The best sub-network.", False, "No sub-network is picked out."),
        ),
    ),
    Question(
        "When did averaging a hundred random passes lower the loss?",
        (
            ("Always: it is an ensemble.", False, "At `p = 0.5` the single scaled pass had the lower loss."),
            ("Where the scaled network was too sure of itself.", True,
             "At `p = 0.2` the networks knew their training set almost by heart. Averaging took the "
             "edge off."),
            ("Never: scaling is exact.", False, "It is exact for the mean of one layer, and approximate "
                                                "behind it."),
        ),
    ),
)  # fmt: skip
