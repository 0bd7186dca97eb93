"""What counts as right in the chapter on dropout as Bayesian inference."""

import math

from dropout_utils.exercises import _answers as answers
from dropout_utils.exercises.checking import exercise
from dropout_utils.exercises.quizzes import Question


@exercise("bayesian-1")
def by_hand(answer):
    """The mean is weight scaling; the variances of the features add, each with the square of its weight."""
    return answers.numbers(
        answer,
        [
            ("mean", 6, {
                4.8: "Kept features are scaled by 1/(1-p).",
                7.5: "What is kept is scaled up, but less is kept.",
                1.5: "That is the mean of the weights. The features are added up."}),
            ("spread", math.sqrt(2.5), {
                2.5: "This looks like the variance. The spread is a standard deviation.",
                math.sqrt(1.6): "That is the spread before scaling by 1/(1-p).",
                math.sqrt(40): "This p is the chance of keeping. Here it is that of dropping.",
                3: "Each feature has a coin of its own: square the weights one by one, then add.",
                1.5: "The variance has the squares of the weights.",
                math.sqrt(2): "Scaling by 1/(1-p) stretches the variance by the square of that.",
                0: "In evaluation nothing varies. Leave dropout on."}),
        ],
        rel=0.003,
    )  # fmt: skip


@exercise("bayesian-2")
def tuned_once(answer):
    """A rate that was right for few data is too high for many: the band has to be tuned again."""
    return answers.between(
        answer,
        1.0001,
        50,
        below=(
            "Is it the band of the old rate over the exact one, both with 512 examples? More data narrow "
            "only one of them."
        ),
        above="So much? Divide standard deviations at the data, not variances, and average over the seeds.",
    )


@exercise("bayesian-3")
def entropy_or_disagreement(answer):
    """High entropy alone does not say why. Mutual information is left when passes are sure and disagree."""
    import torch  # only this exercise asks for models

    from dropout_utils.torch import monte_carlo

    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return "Two models are asked for: the unsure one, then the one that disagrees."
    if not all(isinstance(model, torch.nn.Module) for model in answer):
        return "Each of the two is to be a PyTorch module."
    found = []
    with torch.random.fork_rng(devices=[]):  # the chapter's own draws stay what they are
        torch.manual_seed(0)
        for model in answer:
            passes = monte_carlo(model, torch.ones(64, 1), k=100, task="classification")
            found.append([passes.entropy.mean().item(), passes.mutual_information.mean().item()])
    (unsure, apart), (entropy, disagreement) = found
    if apart > 0.05:
        swapped = disagreement < 0.05 and "Are the two in the right order? "
        return (swapped or "") + "The passes of the first model disagree. Each is to say the same, unsurely."
    if unsure < 0.5:
        return "The first model is sure of its answer. Which logits say one half?"
    if disagreement < 0.05:
        return "The passes of the second model all say the same. Is there dropout in front of its logits?"
    if entropy - disagreement > 0.1:
        return "Single passes of the second model are still unsure. Make the logits that are dropped larger."
    if entropy < 0.5:
        return "The second model nearly always gives the same class. Let both win about equally often."
    return None


@exercise("bayesian-4")
def the_gap(answer):
    """The spread knows how large the features are at a place, not whether there were examples near it."""
    parts = answer if isinstance(answer, (tuple, list)) else ()
    values = [answers.real(part) for part in parts]
    if len(values) != 2 or None in values:
        return "Two counts are asked for: of the exact band, then of the dropout band."
    exact, dropout = values
    if not all(value in range(25) for value in values):
        return "Each of the two is a count of seeds: a whole number, at most as many as there are seeds."
    if exact <= 12 and dropout > 12:
        return "Is it the exact band first? And wider in the gap than at the data, or the other way round?"
    if exact < 24:
        return "Look at the exact band seed by seed. Does it ever fail to widen where there are no data?"
    if dropout > 12:
        return "Is that how often the dropout band is narrower? Count where it is wider in the gap."
    return None


QUIZ = (
    Question(
        "A network with two layers of dropout predicts. Which prediction was the worst of the three?",
        (
            ("One stochastic pass.", True,
             "It carries the noise of one mask. A network left in training mode by mistake gives just this."),
            ("The Monte-Carlo mean.", False, "It averages that noise away."),
            ("Weight scaling.", False, "It came out better than a single pass on average."),
        ),
    ),
    Question(
        "Every example is shown 16 times. The rate is fixed. What becomes of the dropout band?",
        (
            ("It becomes narrower.", False,
             "The exact band narrows. This one does not know how often it was told."),
            ("It becomes wider.", False, "Nothing that it depends on has changed."),
            ("Nothing.", True,
             "Both terms of the loss grow by the same factor, so the weights stay, and so does the spread."),
        ),
    ),
    Question(
        "What does the spread of a dropout network at a fixed rate tell?",
        (
            ("How large the active units are at that place.", True,
             "So it widens far outside, where units are large, and not in a gap."),
            ("How many examples were seen near that place.", False,
             "An exact posterior tells that. The dropout band did not widen in the gap."),
            ("How noisy the measurements are.", False,
             "There is no measurement noise in it. It has to be added for a prediction interval."),
        ),
    ),
    Question(
        "The rate is learned, and the band shrinks with more data. Is it now a good posterior?",
        (
            ("Yes: it covers what it promises.", False,
             "Outside the data it promised 95% and covered less than 60%."),
            ("No: it shrinks everywhere.", True,
             "One rate for a layer cannot be small at the data and large outside."),
            ("No: a learned rate does not change with the data.", False,
             "It fell as the examples grew in number."),
        ),
    ),
    Question(
        "At the data the intervals for new measurements cover about what they promise. What does that say "
        "about what the network knows?",
        (
            ("That its band is right.", False,
             "All bands looked fine by this count, those more than four times too wide as well."),
            ("That its band is too narrow.", False,
             "It may be too narrow or too wide. This count does not tell."),
            ("Little: most of that interval is noise.", True,
             "Ask for the coverage of the function itself, and away from the data."),
        ),
    ),
)  # fmt: skip
