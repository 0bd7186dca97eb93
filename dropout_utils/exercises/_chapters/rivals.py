"""What counts as right in the chapter on rivals and cost."""

from dropout_utils.exercises import _answers as answers
from dropout_utils.exercises.checking import exercise
from dropout_utils.exercises.quizzes import Question


@exercise("rivals-1")
def count(answer):
    """Dropout pays for every activation, weight decay for every weight."""
    inputs = "Each unit has a weight for every input."
    return answers.numbers(
        answer,
        [
            ("numbers drawn", 131_072, {
                4096: "One for each unit. And how many examples?",
                262_144: "The inputs are not dropped here. Count the units.",
                65_536: "All units get a coin, not only those that go.",
                16_777_216: "That counts weights. Dropout has nothing to do with them."}),
            ("weights touched", 16_777_216, {
                16_781_312: "The biases aside, please: weights are asked for.",
                536_870_912: "The penalty is the same for the whole batch: each weight is touched once.",
                8192: inputs, 4096: inputs}),
            ("batch size", 4096, {
                4097: "Already with one example fewer they are equal. Give that batch.",
                128: "At this size dropout draws far fewer. Set the two counts equal.",
                1: "With one example dropout draws one number a unit. Set the two counts equal."}),
        ],
        rel=0,
    )  # fmt: skip


@exercise("rivals-2")
def standardised(answer):
    """On inputs of one scale, dropout is plain ridge: its strength grows with the data."""
    return answers.law(
        answer,
        lambda N, p: N * p / (1 - p),
        [(6, 0.3), (100, 0.5), (10, 0.9)],
        [
            (lambda N, p: p / (1 - p), "How large is the sum of squares of a column with variance 1?"),
            (lambda N, p: N * (1 - p) / p, "This p is the chance of keeping. Here it is that of dropping."),
            (lambda N, p: (1 - p) / p, "This p is the chance of keeping. Here it is that of dropping."),
            (lambda N, p: N * p * (1 - p), "That is the variance of the mask before it is scaled."),
            (lambda N, p: N * p, "That leaves out the factor of inverted scaling."),
            (lambda N, p: N / (1 - p), "With p = 0 nothing is dropped. What must the penalty be then?"),
            (lambda N, p: (N - 1) * p / (1 - p), "The variance here divides by N, as the chapter's does."),
        ],
        names=("N", "p"),
    )


@exercise("rivals-3")
def same_as_noise(answer):
    """Dropout is noise in proportion to the input. Where all inputs have one scale, it is just noise."""
    return answers.law(
        answer,
        lambda sigma: sigma**2 / (1 + sigma**2),
        [(0.4,), (1.0,), (2.0,)],
        [
            (lambda sigma: sigma**2, "That sets p itself to the variance. What does p/(1-p) have to be?"),
            (lambda sigma: sigma / (1 + sigma), "Compare the variances, not the deviations."),
            (lambda sigma: 1 / (1 + sigma**2), "That is the chance of keeping. Which rate do you type?"),
            (lambda sigma: sigma**2 / (1 - sigma**2), "Solve for p once more. At sigma = 2, is this a rate?"),
            (lambda sigma: sigma, "A rate is at most 1. What is the penalty of each, in terms of N and w?"),
        ],
        names=("sigma",),
    )


@exercise("rivals-4")
def faster(answer):
    """A higher learning rate wins the time back, and would have done so without dropout."""
    parts = answer if isinstance(answer, (tuple, list)) else ()
    values = [answers.real(part) for part in parts]
    if len(values) != 2 or None in values:
        return "Two numbers are asked for: the steps with dropout, then those of the control."
    with_it, control = values
    if not all(0 < value < float("inf") for value in values):
        return "Steps are positive numbers."
    if max(values) < 35:
        return "These are epochs. Here an epoch has 20 steps."
    if with_it <= control:
        return "Which arm takes more steps to a training loss? Look at the order of the two."
    if with_it > 520:
        return "That is the pace at the old learning rate. Train it again at 0.02."
    if control > 215:
        return "That is the control at the old learning rate. Give it 0.02 as well."
    if control < 25:
        return "So few? Count the steps to the training loss of the experiment above, in every run."
    return None


QUIZ = (
    Question(
        "Dropout is far ahead of a control at the default learning rate. What do you ask first?",
        (
            ("Whether the control's learning rate was tuned.", True,
             "Here the learning rate alone was worth more than five points to the control."),
            ("Whether there were enough epochs to overfit.", False,
             "Worth knowing. But first: did both arms get the same care?"),
            ("Nothing: the lead is far beyond luck.", False,
             "Luck is not the worry. A weak control is no luck, and no number of seeds mends it."),
        ),
    ),
    Question(
        "All were tuned with the same budget. What did a second regulariser add to dropout?",
        (
            ("As much as it gave alone.", False,
             "Gains do not simply add up where both treat the same illness."),
            ("Several points.", False,
             "No pair differed from dropout alone by more than 2.5 points on average."),
            ("Little: no pair went far from dropout alone.", True,
             "And the intervals leave open whether it helped at all."),
        ),
    ),
    Question(
        "At the same test loss, what did dropout do to the hidden units that L2, L1 and max-norm did not?",
        (
            ("It made them less correlated and less active.", True,
             "The three rivals left both about where they were."),
            ("It made their weights smaller.", False,
             "That is what the rivals are made for. Correlation, activity and fragility were measured."),
            ("Nothing: at equal loss all networks are alike.", False,
             "Equal loss is equal in one number. The hidden layers differed."),
        ),
    ),
    Question(
        "1,024 units with as many inputs, eight examples in the batch. Which adds more time to the step?",
        (
            ("Dropout: it draws random numbers.", False,
             "It draws 8,192 of them. L2 touches more than a million weights."),
            ("L2: it touches every weight.", True,
             "Dropout costs time for every activation, weight decay for every weight."),
            ("Both the same.", False, "The counts would be equal at as many examples as inputs."),
        ),
    ),
    Question(
        "In linear regression, how does the penalty of input dropout differ from plain L2?",
        (
            ("It is only an approximation.", False,
             "Here it is exact: all 256 masks agreed with the formula. For logistic regression it is not."),
            ("It ignores the data.", False,
             "Plain L2 does. Here each weight's strength comes from its input."),
            ("Each weight's strength follows the scale of its input.", True,
             "So a change of units changes no prediction."),
        ),
    ),
)  # fmt: skip
