"""The rate map: what a stored sweep found, for every rate, width, depth, size and label noise."""

from __future__ import annotations

import numpy as np
from matplotlib import pyplot as plt

from dropout_utils import figures, results
from dropout_utils.explorables.base import Explorable, choice, result, whole
from dropout_utils.explorables.base import data as given

__all__ = ["RateMap"]

_AXES = ("data", "examples", "label_noise", "depth", "width")
_MEASURES = ("gain", "test_accuracy", "test_loss")


class RateMap(Explorable):
    """Test accuracy and test loss against the drop rate, as the sweep ``rate-map`` measured them.

    Nothing is recomputed and nothing typed: the page is given the numbers of
    :func:`dropout_utils.results.read`.

    Parameters
    ----------
    measure : {"gain", "test_accuracy", "test_loss"}
        The gain is that in test accuracy over rate 0.
    data, examples, label_noise, depth, width : int
        Positions on the axes of the sweep.
    map : dict, optional
        Axes, measures and number of seeds of the sweep; by default those stored.

    Attributes
    ----------
    best_rate, best_value, best_low, best_high : float
        The rate with the best mean there, that mean and its interval; written by the page.
    """

    module = "ratemap"
    room = (1040, 600)

    measure = choice("gain", _MEASURES)
    data = whole(0, 0, 1)
    examples = whole(1, 0, 2)
    label_noise = whole(0, 0, 1)
    depth = whole(1, 0, 1)
    width = whole(2, 0, 2)
    map = given()

    best_rate = result()
    best_value = result()
    best_low = result()
    best_high = result()

    def __init__(self, **state):
        if state.get("map") is None:
            stored = results.read("rate-map")
            kept = ("mean", "low", "high", "unit")
            measures = {name: {key: stored["measures"][name][key] for key in kept} for name in _MEASURES}
            axes = [{key: axis[key] for key in ("name", "label", "values")} for axis in stored["axes"]]
            seeds = stored["provenance"]["n_seeds"]
            state["map"] = {"axes": axes, "measures": measures, "seeds": seeds}
        super().__init__(**state)

    def run(self):
        """Return what the sweep found at this place.

        Returns
        -------
        rates : ndarray, (n,)
        mean, low, high : ndarray, (n,)
            The measure at each rate, with the ends of its interval.
        """
        place = tuple(getattr(self, name) for name in _AXES)
        found = self.map["measures"][self.measure]
        mean, low, high = (np.array(found[key])[place] for key in ("mean", "low", "high"))
        return np.array(self.map["axes"][len(_AXES)]["values"]), mean, low, high

    def _place(self) -> dict:
        return {axis["name"]: axis["values"][getattr(self, axis["name"])] for axis in self.map["axes"][:-1]}

    def describe(self) -> str:
        """Return what the picture shows, for a reader who cannot see it."""
        rates, mean, *_ = self.run()
        at, place = (np.argmin if self.measure == "test_loss" else np.argmax)(mean), self._place()
        return (
            f"Rate map: {self.measure.replace('_', ' ')} against the drop rate for {place['data']}, "
            f"{place['examples']} examples, {place['depth']} hidden layers of {place['width']} units. The "
            f"best mean, {mean[at]:.2f}, is at rate {rates[at]:g}. The live version needs a browser that "
            "runs scripts."
        )

    def picture(self):
        """Return a matplotlib figure: the curve at this place, with its interval."""
        rates, mean, low, high = self.run()
        fig, ax = plt.subplots(figsize=(4.4, 3.0))
        colour = figures.COLOURS["dropout"]
        ax.fill_between(rates, low, high, color=colour, alpha=0.22, linewidth=0)
        ax.plot(rates, mean, color=colour, marker="o")
        ax.set_xlabel("drop rate p")
        ax.set_ylabel(f"{self.measure.replace('_', ' ')} ({self.map['measures'][self.measure]['unit']})")
        return fig
