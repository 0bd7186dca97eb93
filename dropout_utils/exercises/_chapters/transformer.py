"""What counts as right in the chapter on transformers."""

from dropout_utils.exercises import _answers as answers
from dropout_utils.exercises.checking import exercise
from dropout_utils.exercises.quizzes import Question


@exercise("transformer-1")
def coins(answer):
    """Attention weights grow with the square of the length; every other site grows with the length."""
    if answers.real(answer) == 321:  # where they lead alone; the one before is a tie
        return None
    return answers.number(
        answer,
        320,
        rel=0,
        hints={
            64: "They pass the attention output there. Have you compared with the feed-forward part?",
            65: "They pass the attention output there. Have you compared with the feed-forward part?",
            256: "The feed-forward part drops in two places. Have you counted both?",
            257: "The feed-forward part drops in two places. Have you counted both?",
            384: "Compare with each site, not with their sum.",
            385: "Compare with each site, not with their sum.",
            2560: "Each head has weights of its own.",
            2561: "Each head has weights of its own.",
        },
        otherwise="Write down the three counts as functions of T. Which is the largest of the others?",
    )


@exercise("transformer-2")
def nothing_gathered(answer):
    """Every weight of the row must go, and they go independently."""
    return answers.law(
        answer,
        lambda n, p: p**n,
        [(1, 0.25), (8, 0.25), (3, 0.9), (2, 0.1)],
        [
            (lambda n, p: (1 - p) ** n, "That nothing is dropped. Which way round is it asked?"),
            (lambda n, p: 1 - (1 - p) ** n, "That is how likely it is that at least one weight goes."),
            (lambda n, p: 1 - p**n, "That is how likely it is that something is left."),
            (lambda n, p: p, "It does not hang on n? Try n = 1 and n = 2."),
            (lambda n, p: p / n, "Chances of independent events do not divide. What do they do?"),
            (lambda n, p: n * p, "Chances of independent events do not add up. What do they do?"),
        ],
        names=("n", "p"),
    )


@exercise("transformer-3")
def same_noise(answer):
    """One rate is strong noise in a short row and next to none in a long one."""
    variance = "That is where the variance has this value. The deviation is asked for."
    order = "Which of the two rows averages over more tokens, and so bears the higher rate?"
    return answers.numbers(
        answer,
        [
            ("for n = 8", 0.08 / 1.08, {
                0.8 / 1.8: variance, 0.1: "A rate of a tenth is not a noise of a tenth. Use the variance.",
                0.01 / 1.01: "That is for a row that rests on one token.", 5.12 / 6.12: order, 0.08: (
                    "That leaves out a factor: the variance of a scaled mask is not p.")}),
            ("for n = 512", 5.12 / 6.12, {
                51.2 / 52.2: variance, 0.1: "A rate of a tenth is not a noise of a tenth. Use the variance.",
                0.01 / 1.01: "That is for a row that rests on one token.", 0.08 / 1.08: order, 5.12: (
                    "A rate is at most 1: the variance of a scaled mask is not p.")}),
        ],
        rel=0.06,
    )  # fmt: skip


@exercise("transformer-4")
def a_little_everywhere(answer):
    """Four sites are not too many: at a small rate they do better than one at a large rate."""
    return answers.word(
        answer,
        "all four at 0.1",
        hints={
            "none": "On shuffled labels? Look at the first claim of this chapter again, then run it.",
            "feed-forward at 0.4": "Have you run the third arm, and compared on the same eight seeds?",
        },
        otherwise='Name one of the three arms: "none", "feed-forward at 0.4" or "all four at 0.1".',
    )


QUIZ = (
    Question(
        "After dropout of attention weights, what does a row add up to?",
        (
            ("1, as before.", False, "That would be so if it were renormalised. It is not."),
            ("A random number; 1 on average.", True,
             "Single rows lie above or below. How far hangs on where the token looks."),
            ("`1 - p`.", False, "The weights that are kept are scaled, which makes up for that on average."),
        ),
    ),
    Question(
        "Which row does attention dropout hit hardest?",
        (
            ("One that spreads evenly over many tokens.", False,
             "There single losses average out."),
            ("One that rests on a single token.", True,
             "With probability p the message is lost altogether, otherwise it is too large."),
            ("All rows alike: the rate is the same.", False,
             "The rate is the same. The variance grows with the sum of the squared weights."),
        ),
    ),
    Question(
        "Attention weights and feed-forward each helped alone. Where all other sites dropped at 0.4 "
        "already, adding "
        "either of them on average …",
        (
            ("… helped as much as alone.", False, "Then the gains would add up. They did not."),
            ("… made the nets worse.", True,
             "All sites treat the same illness, and there is only so much of it."),
            ("… changed nothing.", False, "On average the accuracy fell."),
        ),
    ),
    Question(
        "`dropout=0.3` in `torch.nn.TransformerEncoderLayer`: what does it set?",
        (
            ("The attention weights.", False, "That is what the same name means in `MultiheadAttention`."),
            ("The feed-forward layer.", False, "That, and more."),
            ("All sites inside the block.", True,
             "Attention weights, attention output, feed-forward hidden and output. Print them, set them "
             "one by one."),
        ),
    ),
    Question(
        "Where does dropout belong in a residual block?",
        (
            ("`x + drop(f(x))`", True, "The stream passes untouched, whatever is dropped."),
            ("`drop(x + f(x))`", False,
             "That hits the stream itself, twice in every block. After twelve blocks little of it is left."),
            ("Both are the same on average.", False,
             "On average, yes. But what the stream has lost in one block, no later one gets back."),
        ),
    ),
)  # fmt: skip
