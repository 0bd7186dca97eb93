"""The sweep's arithmetic, on numbers whose answers are known."""

import numpy as np
import sweep

from dropout_utils.seeding import generator


def test_the_interval_of_a_mean_is_students():
    from scipy import stats

    values = generator(0, "values").standard_normal((2, 9, 24))
    found = sweep.summary(values, "x", "y")
    low, high = stats.t.interval(0.95, 23, values.mean(-1), stats.sem(values, axis=-1))
    assert np.allclose(found["low"], low, atol=6e-4) and np.allclose(found["high"], high, atol=6e-4)


def scores(peak, noise, seeds=24):
    """Scores that are best at one rate, with noise that the rates share and noise of their own."""
    rng = generator(0, "scores", peak)
    shared, own = rng.standard_normal((2, len(sweep.RATES), seeds))
    return -10 * np.abs(np.array(sweep.RATES) - sweep.RATES[peak])[:, None] + 5 * shared[:1] + noise * own


def test_the_best_rate_is_found_with_its_interval():
    found = sweep.best(np.stack([scores(2, 0.01), scores(6, 0.01)]))
    assert found["rate"] == found["low"] == found["high"] == [sweep.RATES[2], sweep.RATES[6]]
    assert np.sum(found["not_worse"], axis=-1).tolist() == [1, 1]


def test_where_nothing_differs_the_interval_of_the_best_rate_is_wide():
    found = sweep.best(scores(4, 50.0)[None])
    assert found["high"][0] - found["low"][0] >= 0.4
    assert np.sum(found["not_worse"]) >= 4
