"""The claims C01 to C26 that the book puts to the test, in plain words.

They are what popular introductions to dropout say. Nothing here is a result: a verdict comes from
:mod:`dropout_utils.evidence` alone, which computes it from measured intervals.

Examples
--------
>>> CLAIMS["C09"].chapters
('ensemble',)
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from dropout_utils._checks import check_text

CHAPTERS = (
    "overfitting",
    "mechanism",
    "ensemble",
    "inference",
    "transformer",
    "rates",
    "convolution",
    "rivals",
    "bayesian",
    "structured",
)
"""Names of the chapters that judge claims, in the order of the book."""


@dataclass(frozen=True)
class Entry:
    """One claim as introductions make it, and how the book means to settle it.

    Attributes
    ----------
    id : str
        ``"C01"`` to ``"C26"``.
    sentence : str
        The claim, in our words.
    chapters : tuple of str
        The chapters that put it to the test; the first one owns the file ``C01.json``.
    settles : str
        What measurement decides it.
    expert : str
        What somebody who knows the subject would add; empty where there is nothing to add.
    rewording : str
        The sentence to use instead. It is shown only where the measured intervals speak against
        the claim; empty where no better sentence is known beforehand.
    """

    id: str
    sentence: str
    chapters: tuple[str, ...]
    settles: str
    expert: str = ""
    rewording: str = ""

    def __post_init__(self):
        for name in ("id", "sentence", "settles"):
            check_text(getattr(self, name), name)
        for name in ("expert", "rewording"):
            check_text(getattr(self, name), name, empty=True)
        chapters = self.chapters
        if not isinstance(chapters, tuple) or not chapters or not set(chapters) <= set(CHAPTERS):
            raise ValueError(f"chapters must be a tuple with some of {', '.join(CHAPTERS)}; got {chapters!r}")


_ENTRIES = (
    Entry(
        "C01",
        "A network with far more parameters than training examples can memorise its training set.",
        ("overfitting",),
        "Training accuracy on shuffled labels, where nothing but memorising can help.",
        "Memorising is possible; that it also happens on real labels is claim C02.",
    ),
    Entry(
        "C02",
        "High accuracy on the training set can go together with poor accuracy on new data.",
        ("overfitting",),
        "Training accuracy minus test accuracy over replicas, for several sizes of training set.",
        "The test loss keeps rising long after the test accuracy has settled.",
    ),
    Entry(
        "C03",
        "An overfitted network draws decision boundaries that are too specific to its training points.",
        ("overfitting",),
        "How often two networks disagree that were trained on two samples of one distribution.",
        "Measure how much the boundary varies from sample to sample; how wiggly it looks is no measure.",
    ),
    Entry(
        "C04",
        "A dropout rate of p drops a fraction p of the units.",
        ("mechanism",),
        "Frequency and independence of the masks over many rates.",
        "On average only: the number of dropped units is binomial and differs from step to step.",
        "Each unit is dropped with probability p, so a fraction p is dropped on average only.",
    ),
    Entry(
        "C05",
        "Dropped units take no part in the forward pass nor in the backward pass.",
        ("mechanism",),
        "Outputs of dropped units, and gradients of their weights: both must be exactly zero.",
        "Under momentum, Adam or weight decay the weights of a dropped unit still move.",
    ),
    Entry(
        "C06",
        "Each epoch trains a different sub-network.",
        ("mechanism",),
        "Masks compared across the examples of a step, across steps and across epochs.",
        "A fresh mask is drawn for every example of every step.",
        "Every example of every training step meets a freshly drawn sub-network, so one epoch trains "
        "as many of them as it has examples.",
    ),
    Entry(
        "C07",
        "With dropout no single unit becomes indispensable.",
        ("mechanism",),
        "Accuracy lost when any one unit is removed from a trained network, with and without dropout.",
        "Remove a random 10 to 50 per cent of the units as well.",
    ),
    Entry(
        "C08",
        "Dropout forces representations to be distributed and breaks the co-adaptation of units.",
        ("mechanism",),
        "Correlation between units, sparsity of activations, and accuracy as units are removed.",
        "The original paper measured the sparsity of activations.",
    ),
    Entry(
        "C09",
        "Dropout trains an implicit ensemble of sub-networks.",
        ("ensemble",),
        "The average over all sub-networks, computed exactly, against one sub-network and against the "
        "scaled network.",
        "For one hidden layer the average over all of them can be computed exactly, without sampling.",
    ),
    Entry(
        "C10",
        "A network trained with dropout is like a random forest.",
        ("ensemble",),
        "Accuracy of single members, diversity, and gain from averaging: sub-networks beside trees.",
        "The trees of a forest are grown independently, and each is trained to the end.",
        "Both average many varied members, but trees are grown independently and to the end, while "
        "sub-networks share their weights and hardly any is ever trained on its own.",
    ),
    Entry(
        "C11",
        "Unlike the members of an explicit ensemble, sub-networks share their weights.",
        ("ensemble",),
        "Pairwise disagreement and correlation of errors: sub-networks, independent networks, trees.",
        "Warde-Farley and others (2014) report that dropout beats an ensemble with untied weights.",
    ),
    Entry(
        "C12",
        "At inference dropout is switched off and every unit is active.",
        ("inference",),
        "Repeated predictions are equal and keep the scale that the next layer met in training.",
        "Some scaling is needed, in training or at inference; frameworks differ in where they put it.",
        "At inference nothing is dropped, and activations must keep the average scale of training.",
    ),
    Entry(
        "C13",
        "The scaled network combines the predictions of all sub-networks.",
        ("inference",),
        "Its error against the exact average over all sub-networks, and against k random ones.",
        "Exact for one softmax layer and the normalised geometric mean; an approximation in deep nets.",
        "The scaled network gives the normalised geometric mean of all sub-networks exactly for one "
        "softmax layer, and only approximates it in deeper networks.",
    ),
    Entry(
        "C14",
        "Dropout improves performance on unseen data.",
        ("overfitting", "rates"),
        "Paired difference in test accuracy and test loss over data sets, sizes and widths.",
        "It can hurt: small networks, very little data, plenty of data, beside batch normalisation.",
        "Dropout can lower performance on unseen data; whether it helps depends on the setting.",
    ),
    Entry(
        "C15",
        "Useful dropout rates lie between 0.2 and 0.5.",
        ("rates",),
        "What a choice among these rates loses against a free choice, over widths, depths and data sets.",
        "A small network can do best without dropout: 0 belongs on the grid.",
        "The best rate can lie outside 0.2 to 0.5: it has to be looked for.",
    ),
    Entry(
        "C16",
        "The best rate depends on the data and the architecture: it is a heuristic, not a law.",
        ("rates",),
        "What the best rate of one setting loses in another that differs in one thing.",
        "What else is tuned beside it, such as the number of epochs, moves the best rate as well.",
        "One rate served all the settings tried here.",
    ),
    Entry(
        "C17",
        "In a small regression network with two hidden layers of 128 units, a higher rate changes the "
        "predictions.",
        ("rates",),
        "Twenty points on [-1, 1], rates from 0 to 0.7: error and smoothness with intervals.",
        "Introductions show this without figures; the book gives them.",
    ),
    Entry(
        "C18",
        "Dropout costs less time than L1 or L2 weight decay.",
        ("rivals",),
        "Time per training step of each, on the same network in the same run.",
        "Decay touches each weight once; dropout draws a random number for every activation.",
        "Weight decay costs less time per step than dropout, which has to draw random numbers.",
    ),
    Entry(
        "C19",
        "Dropout acts against co-adaptation more directly than other regularisers.",
        ("rivals",),
        "The measures of claim C08 under dropout, L1, L2, max-norm and early stopping, at matched test "
        "score.",
        "",
        "Another regulariser lowers the measures of co-adaptation at least as much as dropout does.",
    ),
    Entry(
        "C20",
        "Dropout makes training take longer.",
        ("rivals",),
        "Steps and seconds until a given training loss, and until a given test loss, is reached.",
        "Srivastava and others (2014) report two to three times as long.",
        "Training with dropout reaches the given loss sooner.",
    ),
    Entry(
        "C21",
        "In convolutional networks dropout works better after pooling than after convolution.",
        ("convolution",),
        "Position by kind (units, whole channels, blocks), each at its own best rate, in pairs.",
        "Each position needs its own best rate, or the comparison is unfair.",
        "With each position at its own best rate, dropout after convolution works better.",
    ),
    Entry(
        "C22",
        "In transformers dropout acts on attention weights and on feed-forward layers separately.",
        ("transformer",),
        "Full factorial over the sites: attention weights, attention output, feed-forward, embedding.",
        "The original paper drops sub-layer outputs and embeddings; attention weights came with the "
        "code.",
        "The effects of the sites in a transformer do not simply add up: each depends on the others.",
    ),
    Entry(
        "C23",
        "Dropout connects to Bayesian inference and to variational inference.",
        ("bayesian",),
        "The band of Monte-Carlo dropout beside an exact posterior on a small problem; calibration.",
        "At a fixed rate its variance does not shrink as data grow.",
        "Monte-Carlo dropout is not the exact posterior: at a fixed rate its band does not shrink as "
        "data grow.",
    ),
    Entry(
        "C24",
        "Structured dropout of attention heads helps transformers.",
        ("structured",),
        "DropHead against no dropout, against single attention weights at matched rate, and against "
        "ordinary dropout at its best rate.",
        "What whole heads and layers buy is a net that can be pruned afterwards.",
        "Structured dropout of attention heads did not help here, not even against no dropout.",
    ),
    Entry(
        "C25",
        "Adapting the rate to the importance of units helps.",
        ("structured",),
        "Concrete dropout, standout and schedules against the best fixed rate.",
        "The best fixed rate is a strong rival.",
        "None of the ways tried here of adapting the rate was certainly a point better than a well-chosen "
        "fixed rate, and dropping only early did worse.",
    ),
    Entry(
        "C26",
        "Dropout is still standard practice.",
        ("structured",),
        "A small language model trained for one epoch and for many, with and without dropout.",
        "Large models are now pretrained without it.",
        "Where each example is seen about once, dropout does harm, and large models are pretrained "
        "without it.",
    ),
)

CLAIMS = MappingProxyType({entry.id: entry for entry in _ENTRIES})
"""The registry: ``CLAIMS["C14"].sentence`` and so on. It cannot be changed at run time.

:meta hide-value:
"""


def entry(claim_id: str) -> Entry:
    """Return the registered claim, or raise naming what is allowed.

    Parameters
    ----------
    claim_id : str
        Such as ``"C14"``.

    Raises
    ------
    TypeError
        If `claim_id` is not a string.
    ValueError
        If there is no such claim.
    """
    if not isinstance(claim_id, str):
        raise TypeError(f"claim_id must be the id of a claim, a string from 'C01' to 'C26'; got {claim_id!r}")
    if claim_id not in CLAIMS:
        raise ValueError(f"claim_id must be the id of a claim, one of 'C01' to 'C26'; got {claim_id!r}")
    return CLAIMS[claim_id]
