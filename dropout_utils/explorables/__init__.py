"""Explorables: parts of the book that compute in the page itself, with no kernel and no network.

Each is one ES module that runs the same on the built site, from a folder on disk, in JupyterLab, VS Code and
Colab; the class here shows it and, where a kernel is, shares its state.

>>> from dropout_utils.explorables import Playground
>>> Playground(p=0.5).state()["p"]
0.5
"""

from dropout_utils.explorables.attention import AttentionSites
from dropout_utils.explorables.base import Explorable
from dropout_utils.explorables.featuremap import FeatureMap
from dropout_utils.explorables.mask import MaskAndGradients
from dropout_utils.explorables.playground import Playground
from dropout_utils.explorables.ratemap import RateMap
from dropout_utils.explorables.scaling import Scaling
from dropout_utils.explorables.subnetworks import SubNetworks
from dropout_utils.explorables.uncertainty import Uncertainty

__all__ = [
    "AttentionSites",
    "Explorable",
    "FeatureMap",
    "MaskAndGradients",
    "Playground",
    "RateMap",
    "Scaling",
    "SubNetworks",
    "Uncertainty",
]
