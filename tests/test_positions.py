"""The stored choice of rates for convolutional nets: what it says fits together, and fits the tool."""

import json

import numpy as np
import positions
import pytest

from dropout_utils import results


@pytest.fixture(scope="module")
def found():
    return results.read("convolution")


def test_it_was_made_with_the_settings_of_the_tool(found):
    assert found["provenance"]["fixed"] == json.loads(json.dumps(positions.FIXED))
    sites, rates = found["axes"]
    assert dict(zip(sites["values"], sites["settings"], strict=True)) == positions.SITES
    assert tuple(rates["values"]) == positions.RATES


BEST = [("validation_accuracy", np.argmax), ("validation_loss", np.argmin)]


@pytest.mark.parametrize(("measure", "pick"), BEST)
def test_the_best_rates_are_those_with_the_best_mean(found, measure, pick):
    low, mean, high = (np.array(found["measures"][measure][end]) for end in ("low", "mean", "high"))
    assert mean.shape == (len(positions.SITES), len(positions.RATES))
    assert (low <= mean).all() and (mean <= high).all()
    best = {site: positions.RATES[pick(row)] for site, row in zip(positions.SITES, mean, strict=True)}
    assert found["best"][measure] == best


def test_no_best_rate_lies_on_the_upper_edge_of_the_grid(found):
    assert all(rate < positions.RATES[-1] for best in found["best"].values() for rate in best.values())


def test_whole_channels_may_be_dropped_before_or_behind_the_pooling(found):
    for measure in found["measures"].values():
        before, behind = (
            measure["mean"][list(positions.SITES).index(f"spatial, {place}")]
            for place in ("after convolution", "after pooling")
        )
        assert before == behind
