"""What counts as right in the chapter on convolutional networks."""

import numpy as np

from dropout_utils import numpy as du
from dropout_utils.exercises import _answers as answers
from dropout_utils.exercises.checking import exercise
from dropout_utils.exercises.quizzes import Question
from dropout_utils.seeding import generator


@exercise("convolution-1")
def by_hand(answer):
    """Evaluation weighs the units by how often they win, so both averages are the same."""
    scaled = "That has a factor 1/(1-p) in it. Dropout inside the pooling scales nothing."
    gone = "That shares out what is left when all three are dropped. Then a zero comes out."
    return answers.numbers(
        answer,
        [
            ("in training", 2.875, {
                4: "That is the plain maximum. It does not always win.", 5.75: scaled, 23 / 7: gone,
                8 / 3: "That is the mean of the window. The larger units win more often.",
                2: "The largest unit is not the only one that can win.",
                1.75: "Sort the window: the largest unit is the most likely to win."}),
            ("in evaluation", 2.875, {
                4: "That is the plain maximum, the pitfall of this chapter.", 5.75: scaled, 23 / 7: gone,
                8: "That is the plain maximum of scaled units. This kind of dropout weighs instead.",
                8 / 3: "That is the mean of the window. The weights are not equal."}),
            ("chance", 0.5, {
                0.125: "That is how likely it is that nothing is left.",
                0.25: "That is how likely it is that the second unit wins.",
                0.375: "Count the case in which nothing is left, too."}),
        ],
    )  # fmt: skip


@exercise("convolution-2")
def share_of_blocks(answer):
    """Blocks overlap, and few of them reach the edges: less is dropped than asked for."""
    sizes, n, p = (1, 2, 5, 10, 20, 40), 40, 0.3
    parts = []
    for b in sizes:
        gamma = du.drop_block_gamma(p, b, n)
        reach = np.convolve(np.ones(n - b + 1), np.ones(b))
        expected = (1 - (1 - gamma) ** reach).mean()
        mistakes = {
            gamma: "That is how likely a block is to start. How many blocks reach a unit?",
            1 - expected: "That is the share that is kept.",
            1 - (1 - gamma) ** b: "That holds in the middle. Fewer blocks reach the edges.",
            1 - (1 - p / b) ** b: "A block needs room: it can start in n - b + 1 places, not in n.",
            p: "Blocks overlap, and a unit goes only once.",
            p / b: "That is how often a block starts, nearly. What share do the blocks cover?",
        }
        hints = {k: hint for k, hint in mistakes.items() if abs(k / expected - 1) > 0.004}
        parts.append((f"blocks of {b}", expected, hints))
    return answers.numbers(answer, parts, rel=0.003)


@exercise("convolution-3")
def shifted_variance(answer):
    """The mean square counts, not the variance: a unit that is always 1 becomes noisy as well."""
    import torch  # only this exercise asks for tensors

    hint = answers.function(answer)
    if hint:
        return hint
    rng = generator(0, "convolution-3")
    h = torch.from_numpy(np.maximum(rng.normal(size=(2000, 4)) * [1, 2, 0.5, 1] + [0, 1, 2, -1], 0))
    var, square, mean = h.var(dim=0), h.square().mean(dim=0), h.mean(dim=0)

    def same(found, formula):
        wrong = (np.abs(f / formula(p).numpy() - 1) for f, p in zip(found, rates, strict=True))
        return all(off.max() < 5e-3 for off in wrong)

    rates = (0.5, 0.2, 0.8)
    found = [np.asarray(answers.result(answer(h.clone(), p)), dtype=float) for p in rates]
    if any(f.shape != (4,) for f in found):
        return f"One number for each of the 4 channels is asked for; this has shape {found[0].shape}."
    keeping = "This p is the chance of keeping. Here it is that of dropping."
    mistakes = (
        (lambda p: var, "That is the variance at test time. Where does the rate come in?"),
        (lambda p: p / (1 - p) * square, "That is what dropout adds. The unit has a variance of its own."),
        (lambda p: var + p / (1 - p) * var, "The second term has the mean of the square, not the variance."),
        (lambda p: var + p / (1 - p) * mean**2, "The mean of the square is not the square of the mean."),
        (lambda p: var + (1 - p) / p * square, keeping),
        (lambda p: var + square, "That is right at one rate only. How does the noise hang on p?"),
        (lambda p: var + p * (1 - p) * square, "That is the mask before it is scaled by 1/(1-p)."),
        (lambda p: (1 - p) * var + p * (1 - p) * mean**2, "That is dropout without the factor 1/(1-p)."),
    )
    if same(found, lambda p: var + p / (1 - p) * square):
        return None
    other = "It is another number. Write down both terms of the formula for one channel, then for all."
    return next((hint for mistake, hint in mistakes if same(found, mistake)), other)


@exercise("convolution-4")
def more_channels(answer):
    """Few pairs, a rate tuned for another width: such a result is a reason to look again, not an answer."""
    large = "So large a difference? It is spatial minus none, in points."
    return answers.interval(answer, -10, 5, (0.2, 15), otherwise=large)


QUIZ = (
    Question(
        "One unit of a feature map is dropped. From what can the next layer still guess its value?",
        (
            ("From its neighbours in the channel only.", False,
             "They tell much of it. But the next layer sees all channels."),
            ("From nothing: it is gone.", False,
             "Neighbours look through windows that overlap. They are alike."),
            ("From its neighbours and from other channels.", True,
             "More than 80% could be told from all channels, after each of the three kinds."),
        ),
    ),
    Question(
        "For which kind does it make no difference whether dropout comes before or after max-pooling?",
        (
            ("Single units.", False, "A dropped unit lets another one win, before the pooling."),
            ("Whole channels.", True,
             "The whole channel is multiplied by one number, and so is its maximum."),
            ("Blocks.", False, "The edge of a block can fall inside a pooling window."),
        ),
    ),
    Question(
        "DropBlock is asked for `p = 0.3` with blocks of 5 in a row of 40. What is dropped on average?",
        (
            ("Exactly 0.3: that is what the formula for gamma is for.", False,
             "That formula counts blocks as if they never overlapped."),
            ("Less: blocks overlap, and few reach the edges.", True,
             "0.265 on average, and far less at the two ends."),
            ("More: each start drops five units.", False,
             "That is in the formula already: it divides by the length of a block."),
        ),
    ),
    Question(
        "At a rate of 0.1 single units were better dropped after the pooling, at 0.5 after the "
        "convolution. What follows?",
        (
            ("The place does not matter.", False,
             "For single units it did, by a little, each place at its own best rate."),
            ("Two places can only be compared at one shared rate.", False,
             "Then whoever picks that rate has picked the winner with it."),
            ("Each place has to be judged at its own best rate.", True,
             "Chosen on validation data, from the same grid for all."),
        ),
    ),
    Question(
        "Dropout in front of a batch norm: what is wrong at test time?",
        (
            ("The norm divides by a variance that is too large.", True,
             "It stored the variance of training, noise included. Put dropout behind the last norm."),
            ("The mean of the units has changed.", False,
             "Inverted scaling keeps the mean. It does not keep the variance."),
            ("The norm drops units, too.", False, "It drops nothing. But it remembers the noise."),
        ),
    ),
)  # fmt: skip
