"""Bad values for transformer.py, attention.py and layers.py of dropout_utils/torch."""

import numpy as np
import torch
from torch import nn

from bad_values import row
from bad_values.good import tensor
from bad_values.kinds import (
    NEW,
    NO_AMOUNT,
    NO_CHOICE,
    NO_COUNT,
    NO_COUNT_OR_NONE,
    NO_FLAG,
    NO_INDEX,
    NO_LAYER_RATE,
    NO_RATES,
    NO_SHAPE,
    NO_SOURCE,
    NO_TENSOR,
    NO_TORCH_DTYPE,
)
from dropout_utils import torch as du_torch
from dropout_utils.torch.transformer import SITES, Rates

row(Rates, dict, {site: NO_LAYER_RATE for site in SITES})
row(du_torch.causal_mask, lambda: dict(tokens=3), dict(tokens=NO_INDEX, device=["no such", 3.5, []]))
_LINEAR = dict(NEW, bias=NO_FLAG)
row(
    du_torch.Linear,
    lambda: dict(inputs=4, outputs=3),
    dict(_LINEAR, inputs=NO_COUNT, outputs=NO_COUNT, scale=NO_AMOUNT),
)
row(
    du_torch.Linear.forward,
    dict,
    dict(x=[*NO_TENSOR, tensor(2, 5), tensor(2, 4).double()]),
    lambda: du_torch.Linear(4, 3),
)
row(
    du_torch.LayerNorm,
    lambda: dict(width=4),
    dict(width=NO_COUNT, eps=NO_AMOUNT, bias=NO_FLAG, replicas=NO_COUNT_OR_NONE, dtype=NO_TORCH_DTYPE),
)
row(du_torch.LayerNorm.forward, dict, dict(x=[*NO_TENSOR, tensor(2, 5)]), lambda: du_torch.LayerNorm(4))
row(
    du_torch.MultiHeadAttention,
    lambda: dict(width=4, heads=2),
    dict(_LINEAR, width=[*NO_COUNT, 3], heads=[*NO_COUNT, 3], p=NO_RATES, head_p=NO_RATES),
)
_TOKENS = [*NO_TENSOR, tensor(4), tensor(2, 4), tensor(2, 3, 5), tensor(2, 2, 3, 4)]
_NO_LAYER = ["x", None, 3, nn.Linear(2, 2)]
_LOOK = dict(
    attn_mask=["x", 3, [[1]], np.ones((3, 3), bool), torch.ones(2, 2), torch.ones(3, 3, dtype=torch.int64)],
    key_padding_mask=[
        "x",
        3,
        [[1]],
        torch.ones(2, 3),
        torch.ones(2, 2, dtype=torch.bool),
        np.ones((2, 3), bool),
    ],
    causal=NO_FLAG,
)
_OTHER = [bad for bad in _TOKENS if bad is not None]  # None is self-attention
row(
    du_torch.MultiHeadAttention.from_torch,
    lambda: dict(layer=nn.MultiheadAttention(4, 2)),
    dict(layer=[*_NO_LAYER, nn.MultiheadAttention(4, 2, kdim=3)], generator=NO_SOURCE),
)
row(
    du_torch.MultiHeadAttention.forward,
    lambda: dict(query=tensor(2, 3, 4)),
    dict(
        _LOOK,
        query=_TOKENS,
        key=_OTHER,
        value=[*_OTHER, tensor(2, 5, 4)],
        return_weights=NO_FLAG,
        mask=["x", 3, [[1]], torch.full((2, 2, 3, 3), 0.5), torch.ones(7, 7)],
        head_mask=["x", 3, [[1]], torch.full((2, 2), 0.5), torch.ones(7, 7)],
    ),
    lambda: du_torch.MultiHeadAttention(4, 2),
)
NO_MASKS = ["x", 3, [None], {"no such": None}, {"attention": torch.ones(7, 7)}, {"attention": "x"}, {3: None}]
_BLOCK = dict(
    _LINEAR,
    width=[*NO_COUNT, 3],
    heads=[*NO_COUNT, 3],
    hidden=NO_COUNT,
    rates=["x", 0.5, {"attention": 0.5}, Rates(attention=[0.5, 0.5])],
    norm_first=NO_FLAG,
    activation=NO_CHOICE,
    eps=NO_AMOUNT,
)
row(
    du_torch.FeedForward,
    lambda: dict(width=4, hidden=3),
    dict(_LINEAR, width=NO_COUNT, hidden=NO_COUNT, p=NO_RATES, activation=NO_CHOICE),
)
row(
    du_torch.FeedForward.forward,
    lambda: dict(x=tensor(2, 3, 4)),
    dict(x=[*NO_TENSOR, tensor(2, 3, 5)], mask=["x", 3, [[1]], torch.full((2, 3, 3), 0.5), torch.ones(7, 7)]),
    lambda: du_torch.FeedForward(4, 3, p=0.5),
)
for kind, theirs in (
    (du_torch.EncoderBlock, nn.TransformerEncoderLayer),
    (du_torch.DecoderBlock, nn.TransformerDecoderLayer),
):
    row(kind, lambda: dict(width=4, heads=2, hidden=3), _BLOCK)
    row(
        kind.from_torch,
        lambda theirs=theirs: dict(layer=theirs(4, 2)),
        dict(layer=[*_NO_LAYER, theirs(4, 2, activation=torch.tanh), nn.Sequential()], generator=NO_SOURCE),
    )
row(
    du_torch.EncoderBlock.forward,
    lambda: dict(x=tensor(2, 3, 4)),
    dict(_LOOK, x=_TOKENS, masks=NO_MASKS),
    lambda: du_torch.EncoderBlock(4, 2, 3),
)
row(
    du_torch.DecoderBlock.forward,
    lambda: dict(x=tensor(2, 3, 4), memory=tensor(2, 3, 4)),
    dict(
        _LOOK,
        x=_TOKENS,
        memory=_TOKENS,
        memory_mask=_LOOK["attn_mask"],
        memory_key_padding_mask=_LOOK["key_padding_mask"],
        masks=NO_MASKS,
    ),
    lambda: du_torch.DecoderBlock(4, 2, 3),
)
row(
    du_torch.VisionTransformer,
    lambda: dict(shape=(4, 4), patch=(2, 2), classes=2, width=4, heads=2),
    dict(
        NEW,
        shape=[*NO_SHAPE, (4,), (3, 3), ()],
        patch=[*NO_SHAPE, (3, 3), (2,), (0, 2)],
        classes=NO_COUNT,
        width=[*NO_COUNT, 3],
        heads=[*NO_COUNT, 3],
        layers=NO_COUNT,
        hidden=NO_COUNT,
        rates=_BLOCK["rates"],
    ),
)
_IMAGES = [*NO_TENSOR, tensor(16), tensor(2, 5), tensor(3, 2, 16)]


def vision():
    return du_torch.VisionTransformer((4, 4), (2, 2), 2, width=4, heads=2)


row(
    du_torch.VisionTransformer.forward,
    lambda: dict(x=tensor(2, 16)),
    dict(x=_IMAGES, masks=["x", 3, [None], {"no such": None}, {"embedding": torch.ones(7, 7)}]),
    vision,
)
row(du_torch.VisionTransformer.patches, dict, dict(x=_IMAGES), vision)
_TOKEN_IDS = ["x", None, 3, [[0, 1]], np.zeros((2, 3)), torch.zeros(2, 3), torch.full((2, 3), 9)]


def lm():
    return du_torch.LanguageModel(5, 3, width=4, heads=2)


row(
    du_torch.LanguageModel,
    lambda: dict(vocabulary=5, tokens=3, width=4, heads=2),
    dict(
        NEW,
        vocabulary=NO_COUNT,
        tokens=NO_COUNT,
        width=[*NO_COUNT, 3],
        heads=[*NO_COUNT, 3],
        layers=NO_COUNT,
        hidden=NO_COUNT,
        rates=_BLOCK["rates"],
    ),
)
row(
    du_torch.LanguageModel.forward,
    lambda: dict(x=torch.zeros(2, 3, dtype=torch.int64)),
    dict(
        x=[*_TOKEN_IDS, torch.zeros(2, 4, dtype=torch.int64)],
        masks=["x", 3, [None], {"no such": None}, {"embedding": torch.ones(7, 7)}],
    ),
    lm,
)
row(du_torch.LanguageModel.one_hot, dict, dict(x=_TOKEN_IDS), lm)
