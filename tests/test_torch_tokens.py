"""Token dropout hides words behind <unk>; word dropout takes a word out of the whole text."""

import pytest
import torch
from sources import rng, source
from torch import nn

from dropout_utils import masks
from dropout_utils.torch import TokenDropout, WordDropout, token_dropout, word_dropout

each = pytest.mark.parametrize("per", ["example", "step", "token"])


def text(*shape, V=7, seed=0):
    return torch.from_numpy(rng(seed).integers(0, V, shape))


# ---------------------------------------------------------------- tokens
@source
def test_a_token_is_kept_or_unknown_at_the_given_rate(make):
    # 20,000 tokens: the share has a standard deviation of 0.0033; 0.02 is 6 of them
    tokens = text(100, 200) + 2
    found = TokenDropout(0.3, unknown=1, generator=make())(tokens)
    assert ((found == tokens) | (found == 1)).all()
    assert abs((found == 1).float().mean() - 0.3) < 0.02


@source
def test_at_p_zero_and_in_evaluation_no_token_is_lost_and_at_p_one_all_are(make):
    tokens = text(3, 5) + 1
    assert torch.equal(TokenDropout(0.0, unknown=0, generator=make())(tokens), tokens)
    assert torch.equal(TokenDropout(0.9, unknown=0, generator=make()).eval()(tokens), tokens)
    assert not TokenDropout(1.0, unknown=0, generator=make())(tokens).any()


def test_protected_tokens_stay():
    tokens = text(50, 20)
    found = token_dropout(tokens, 0.9, unknown=3, protected=(0, 5), generator=rng())
    safe = (tokens == 0) | (tokens == 5)
    assert torch.equal(found[safe], tokens[safe]) and (found[~safe] != tokens[~safe]).any()


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
def test_tokens_keep_their_dtype(dtype):
    assert TokenDropout(0.5, unknown=1)(text(3, 4).to(dtype)).dtype == dtype


def test_tokens_take_the_masks_of_masks_py_and_given_ones():
    tokens = text(3, 8) + 1
    keep = torch.from_numpy(masks.keep_mask((3, 8), 0.4, rng(5)))
    found = token_dropout(tokens, 0.4, unknown=0, generator=rng(5))
    assert torch.equal(found, tokens * keep)
    assert torch.equal(token_dropout(tokens, 0.4, unknown=0, mask=keep), found)


# ---------------------------------------------------------------- words
@each
@source
def test_the_mean_of_word_dropout_is_its_input(make, per):
    # 20,000 words, each in 2 texts with a coin each, or one: the mean has a standard deviation below 0.0047
    layer = WordDropout(nn.Embedding(20_000, 1), 0.3, per=per, generator=make())
    nn.init.ones_(layer.embedding.weight)
    assert abs(layer(torch.arange(20_000).expand(2, -1)).mean() - 1) < 0.028  # six of them


def test_a_dropped_word_is_gone_from_its_whole_text():
    tokens = text(30, 40)
    keep = (word_dropout(torch.ones(30, 40, 2), tokens, 0.5, vocabulary=7, generator=rng()) != 0)[..., 0]
    for row, kept in zip(tokens, keep, strict=True):
        for word in row.unique():
            assert kept[row == word].unique().numel() == 1
    by_text = {tuple(bool(k[t == 3].any()) for t, k in zip(tokens, keep, strict=True))}
    assert by_text != {(True,) * 30} and by_text != {(False,) * 30}  # other texts have other coins


def test_per_step_a_word_is_gone_from_all_texts_and_per_token_from_one_place():
    tokens = text(30, 40)
    one = word_dropout(torch.ones(30, 40, 1), tokens, 0.5, vocabulary=7, per="step", generator=rng()) != 0
    own = word_dropout(torch.ones(30, 40, 1), tokens, 0.5, per="token", generator=rng()) != 0
    for word in range(7):
        assert one[tokens == word].unique().numel() == 1
        assert own[tokens == word].unique().numel() == 2
    assert one.unique().numel() == 2


def test_whole_vectors_are_dropped_and_the_others_scaled():
    x = torch.randn(5, 6, 4)
    y = word_dropout(x, text(5, 6), 0.2, vocabulary=7, generator=rng())
    kept = (y != 0).any(-1, keepdim=True)
    assert torch.equal(y, x * kept * torch.tensor(1 / (1 - 0.2)))


@each
def test_given_masks_are_looked_up_word_by_word(per):
    tokens, x = torch.tensor([[0, 2, 0, 1], [1, 1, 2, 0]]), torch.ones(2, 4, 3)
    mask = {"example": [[0, 1, 1], [1, 0, 1]], "step": [0, 1, 1], "token": [[1, 0, 1, 0], [0, 0, 0, 1]]}[per]
    expected = {
        "example": [[0, 1, 0, 1], [0, 0, 1, 1]],
        "step": [[0, 1, 0, 1], [1, 1, 1, 0]],
        "token": [[1, 0, 1, 0], [0, 0, 0, 1]],
    }[per]
    y = word_dropout(x, tokens, 0.5, vocabulary=3, per=per, mask=torch.tensor(mask))
    assert torch.equal(y[..., 0], 2.0 * torch.tensor(expected))


@each
def test_replicas_are_apart(per):
    x, tokens, p = torch.randn(3, 4, 5, 2), text(3, 4, 5), [0.0, 0.4, 1.0]
    settings = dict(vocabulary=7, per=per)
    together = word_dropout(x, tokens, p, generator=[rng(r) for r in range(3)], **settings)
    alone = [word_dropout(x[r], tokens[r], p[r], generator=rng(r), **settings) for r in range(3)]
    assert torch.equal(together, torch.stack(alone))
    hidden = TokenDropout(p, unknown=9, generator=[rng(r) for r in range(3)])(tokens)
    one = [TokenDropout(p[r], unknown=9, generator=rng(r))(tokens[r]) for r in range(3)]
    assert torch.equal(hidden, torch.stack(one))


def test_per_step_replicas_can_be_given_masks_of_their_own():
    mask = torch.tensor([[1, 0], [0, 1]])
    tokens = torch.tensor([[[0, 1]], [[0, 1]]])
    y = word_dropout(torch.ones(2, 1, 2, 1), tokens, 0.0, vocabulary=2, per="step", mask=mask)
    assert torch.equal(y.flatten(1), mask.float())


@each
def test_p_zero_and_evaluation_are_the_embedding_and_p_one_is_zero(per):
    embedding, tokens = nn.Embedding(7, 3, padding_idx=0), text(2, 5)
    assert torch.equal(WordDropout(embedding, 0.0, per=per)(tokens), embedding(tokens))
    assert torch.equal(WordDropout(embedding, 0.9, per=per).eval()(tokens), embedding(tokens))
    assert not WordDropout(embedding, 1.0, per=per)(tokens).any()
    bad = torch.full((2, 5, 3), torch.nan)
    assert not word_dropout(bad, tokens, 1.0, vocabulary=7, per=per).any()


@each
def test_a_dropped_word_learns_nothing_and_a_kept_one_at_the_scale(per):
    x, tokens = torch.randn(2, 5, 3, dtype=torch.float64, requires_grad=True), text(2, 5)

    def f(x):
        return word_dropout(x, tokens, 0.4, vocabulary=7, per=per, generator=rng(3))

    assert torch.autograd.gradcheck(f, x)


def test_they_say_what_they_are():
    assert repr(TokenDropout(0.2, unknown=1)) == "TokenDropout(p=0.2, unknown=1)"
    assert "p=0.2, per='step'" in repr(WordDropout(nn.Embedding(3, 2), 0.2, per="step"))
    assert set(WordDropout(nn.Embedding(3, 2)).state_dict()) == {"embedding.weight"}
