"""A layer is its function: with the settings it was made with, the mask of the call, its source and its mode.

One row for each layer, with settings that are not the defaults; that the table is complete is a theorem of
its own.
"""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from test_torch_family import NETS, layers_of_the_package
from torch import nn

from dropout_utils import torch as family

P = 0.6


def rng(seed=1):
    return np.random.default_rng(seed)


def values(*shape):
    return torch.from_numpy(rng(9).standard_normal(shape))


TOKENS = torch.tensor([[0, 1, 2, 3, 4], [4, 3, 2, 1, 0]])
EMBEDDING = nn.Embedding.from_pretrained(values(5, 3))
STACK = [nn.Linear(4, 4, dtype=torch.float64) for _ in range(5)]
WEIGHTS = nn.Parameter(values(2, 4, 3)), nn.Parameter(values(2, 1, 3))


def connection(**settings):
    """A layer with DropConnect that has WEIGHTS."""
    layer = family.DropConnect(4, 3, P, replicas=2, dtype=torch.float64, **settings)
    layer.weight, layer.bias = WEIGHTS
    return layer


@dataclass
class Row:
    """A layer; its function of an input, a mask, a generator, training; an input; the shape of a mask."""

    layer: nn.Module
    function: callable
    x: torch.Tensor
    mask: tuple
    given: str = "mask"  # what may be given in place of a draw
    identity: bool = True  # evaluation returns the input itself

    def fixed(self):
        """A mask, or noise inside (0, 1)."""
        noise = torch.from_numpy(rng(3).uniform(0.2, 0.8, self.mask))
        return {self.given: noise < 0.5 if self.given == "mask" else noise}


MAPS, IMAGES, HEADS = values(3, 4, 9), values(3, 2, 6, 7), values(2, 3, 4, 5)
TABLE = {
    "Dropout": Row(family.Dropout(P), lambda x, **k: family.dropout(x, P, **k), values(4, 9), (4, 9)),
    "DropPath": Row(
        family.DropPath(P, axes=2),
        lambda x, **k: family.drop_path(x, P, axes=2, **k),
        values(9, 5, 2),
        (9, 5),
    ),
    "LayerDrop": Row(
        family.LayerDrop(STACK, P),
        lambda x, **k: family.layer_drop(x, STACK, P, **k),
        values(3, 4),
        (5,),
        identity=False,
    ),
    "AttentionDropout": Row(
        family.AttentionDropout(P), lambda x, **k: family.attention_dropout(x, P, **k), values(4, 9), (4, 9)
    ),
    "DropHead": Row(
        family.DropHead(P, rescale="rate"),
        lambda x, **k: family.drop_head(x, P, rescale="rate", **k),
        HEADS,
        (2, 3),
    ),
    "SpatialDropout1d": Row(
        family.SpatialDropout1d(P), lambda x, **k: family.spatial_dropout1d(x, P, **k), MAPS, (3, 4)
    ),
    "SpatialDropout2d": Row(
        family.SpatialDropout2d(P), lambda x, **k: family.spatial_dropout2d(x, P, **k), IMAGES, (3, 2)
    ),
    "DropBlock1d": Row(
        family.DropBlock1d(P, 2, normalise="position"),
        lambda x, **k: family.drop_block1d(x, P, 2, normalise="position", **k),
        MAPS,
        (3, 4, 9),
    ),
    "DropBlock2d": Row(
        family.DropBlock2d(P, 3, normalise="position"),
        lambda x, **k: family.drop_block2d(x, P, 3, normalise="position", **k),
        IMAGES,
        (3, 2, 6, 7),
    ),
    "MaxPoolDropout1d": Row(
        family.MaxPoolDropout1d(P, 3, 1),
        lambda x, **k: family.max_pool_dropout1d(x, P, 3, 1, **k),
        MAPS,
        (3, 4, 9),
        identity=False,
    ),
    "MaxPoolDropout2d": Row(
        family.MaxPoolDropout2d(P, 3, 1),
        lambda x, **k: family.max_pool_dropout2d(x, P, 3, 1, **k),
        IMAGES,
        (3, 2, 6, 7),
        identity=False,
    ),
    "GaussianDropout": Row(
        family.GaussianDropout(P),
        lambda x, **k: family.gaussian_dropout(x, P, **k),
        values(4, 9),
        (4, 9),
        given="noise",
    ),
    "AlphaDropout": Row(
        family.AlphaDropout(P, shared=1),
        lambda x, **k: family.alpha_dropout(x, P, shared=1, **k),
        MAPS,
        (3, 4, 1),
    ),
    "ConcreteDropout": Row(
        family.ConcreteDropout(P, temperature=0.5, dtype=torch.float64),
        lambda x, **k: family.concrete_dropout(
            x, torch.logit(torch.tensor(P, dtype=torch.float64)), temperature=0.5, **k
        ),
        values(4, 9),
        (4, 9),
        given="noise",
    ),
    "Standout": Row(
        family.Standout(0.5, 0.2, activation="tanh"),
        lambda z, **k: family.standout(z, alpha=0.5, beta=0.2, activation="tanh", **k),
        values(4, 9),
        (4, 9),
        identity=False,
    ),
    "TokenDropout": Row(
        family.TokenDropout(P, unknown=9, protected=(2,)),
        lambda t, **k: family.token_dropout(t, P, unknown=9, protected=(2,), **k),
        TOKENS,
        (2, 5),
    ),
    "WordDropout": Row(
        family.WordDropout(EMBEDDING, P, per="step"),
        lambda t, **k: family.word_dropout(EMBEDDING(t), t, P, vocabulary=5, per="step", **k),
        TOKENS,
        (5,),
        identity=False,
    ),
    "LockedDropout": Row(
        family.LockedDropout(P, axis=0),
        lambda x, **k: family.locked_dropout(x, P, axis=0, **k),
        values(3, 4, 5),
        (1, 4, 5),
    ),
    "DropConnect": Row(
        connection(per="step", activation="relu", drop_bias=True),
        lambda x, **k: family.drop_connect(x, *WEIGHTS, P, per="step", drop_bias=True, **k).relu(),
        values(6, 4),
        (2, 5, 3),
        identity=False,
    ),
}
NO_FUNCTION = {"VariationalRNN"}  # a loop over a cell of PyTorch; its mask is locked_dropout
every = pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())


def same(a, b):
    return torch.allclose(a, b, rtol=1e-12, atol=1e-14)


def test_every_layer_with_a_function_stands_in_the_table():
    assert set(TABLE) == set(layers_of_the_package()) - NETS - NO_FUNCTION


@every
def test_a_layer_takes_the_mask_it_is_given(row):
    expected = row.function(row.x, **row.fixed())
    assert same(row.layer.train()(row.x, **row.fixed()), expected)
    assert not same(expected, row.function(row.x, training=False))  # the mask drops something


@every
def test_a_layer_draws_from_its_own_source(row):
    for source in (rng, lambda: torch.Generator().manual_seed(1)):
        row.layer.train().generator = source()
        assert same(row.layer(row.x), row.function(row.x, generator=source()))


@every
def test_in_evaluation_a_mask_changes_nothing(row):
    layer, expected = row.layer.eval(), row.function(row.x, training=False)
    assert same(row.function(row.x, training=False, **row.fixed()), expected)
    assert same(layer(row.x, **row.fixed()), expected) and same(layer(row.x), expected)
    assert torch.equal(expected, row.x) or not row.identity


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_gaussian_inference_of_a_layer_is_that_of_its_function_and_for_evaluation_only(activation):
    x, settings = values(6, 4), dict(activation=activation, drop_bias=True, k=7)
    layer = connection(inference="gaussian", per="step", **settings).eval()
    layer.generator = rng()
    expected = family.drop_connect_inference(x, *WEIGHTS, P, generator=rng(), **settings)
    assert same(layer(x), expected)
    trained = connection(per="step", activation=activation, drop_bias=True)
    layer.train().generator, trained.generator = rng(), rng()
    assert same(layer(x), trained(x))


@pytest.mark.parametrize(
    "function",
    [
        lambda x, mask: family.dropout(x, 0.0, mask=mask),
        lambda x, mask: family.dropout(x, [0.0] * 4, mask=mask),
        lambda x, mask: family.attention_dropout(x, 0.0, mask=mask),
        lambda x, mask: family.drop_path(x, 0.0, axes=2, mask=mask),
        lambda x, mask: family.spatial_dropout1d(x[..., None], 0.0, mask=mask)[..., 0],
        lambda x, mask: family.drop_block1d(x[..., None], 0.0, 1, mask=mask[..., None], normalise="position")[
            ..., 0
        ],
        lambda x, mask: family.max_pool_dropout1d(x, 0.0, 1, mask=mask),
        lambda x, mask: family.drop_head(x[..., None, None], 0.0, rescale="rate", mask=mask)[..., 0, 0],
        lambda x, mask: family.locked_dropout(x[None], 0.0, axis=0, mask=mask)[0],
    ],
)
def test_at_p_zero_a_given_mask_still_counts(function):
    x, mask = values(4, 5), torch.from_numpy(rng().random((4, 5)) < 0.5)
    assert torch.equal(function(x, mask), x * mask)
