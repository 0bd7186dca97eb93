"""What is stored of long sweeps: it says what it is, and its numbers fit together."""

import json

import numpy as np
import pytest

from dropout_utils import results

# Nothing of the machine's own, apart from the name of its processor.
UNWELCOME = ("/home/", "/root/", "/tmp/", "/work/", "202", "http")


@pytest.fixture(scope="module")
def rate_map():
    return results.read("rate-map")


@pytest.mark.parametrize("name", results.names())
def test_a_stored_result_says_what_it_is(name):
    found = results.read(name)
    assert found["name"] == name and found["title"]
    assert all(axis["label"] and axis["values"] for axis in found["axes"])
    assert all({"label", "unit"} <= set(measure) for measure in found["measures"].values())
    origin = found["provenance"]
    assert {"made_by", "n_seeds", "base_seed", "dropout_utils", "numpy", "python", "processor"} <= set(origin)


@pytest.mark.parametrize("name", results.names())
def test_a_stored_result_is_small_and_tells_nothing_of_the_machine(name):
    text = results.path(name).read_text(encoding="utf-8")
    assert len(text) < 200_000
    own = json.dumps({k: v for k, v in results.read(name)["provenance"].items() if k != "processor"})
    assert [word for word in UNWELCOME if word in own] == []


def test_every_measure_of_the_rate_map_has_the_shape_of_its_axes(rate_map):
    shape = tuple(len(axis["values"]) for axis in rate_map["axes"])
    for measure in rate_map["measures"].values():
        assert all(np.shape(measure[end]) == shape for end in ("mean", "low", "high"))
    for best in rate_map["best"].values():
        assert np.shape(best["not_worse"]) == shape
        assert all(np.shape(best[end]) == shape[:-1] for end in ("rate", "low", "high"))


def test_the_numbers_of_the_rate_map_fit_together(rate_map):
    assert rate_map["provenance"]["n_seeds"] >= 24
    for measure in rate_map["measures"].values():
        low, mean, high = (np.array(measure[end]) for end in ("low", "mean", "high"))
        assert np.all(low <= mean) and np.all(mean <= high)
    gain, accuracy = (np.array(rate_map["measures"][name]["mean"]) for name in ("gain", "test_accuracy"))
    assert np.allclose(gain, accuracy - accuracy[..., :1], atol=0.002)
    rates = np.array(rate_map["axes"][-1]["values"])
    for name, sign in (("test_accuracy", 1), ("test_loss", -1)):
        best = {key: np.array(value) for key, value in rate_map["best"][name].items()}
        score = sign * np.array(rate_map["measures"][name]["mean"])
        at_best = np.take_along_axis(score, np.searchsorted(rates, best["rate"])[..., None], -1)[..., 0]
        assert np.allclose(at_best, score.max(axis=-1), atol=0.001)
        assert np.all(best["low"] <= best["rate"]) and np.all(best["rate"] <= best["high"])
        assert np.take_along_axis(best["not_worse"], score.argmax(-1)[..., None], -1).all()
