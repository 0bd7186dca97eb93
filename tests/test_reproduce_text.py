"""Reproductions on text, and early dropout: the nets are what they say and stopped runs go on."""

import math

import numpy as np
import pytest
import torch

from dropout_utils import data
from dropout_utils import torch as du_torch
from dropout_utils.reproduce import _gpt, _nets, _store, early, find, run, shakespeare
from dropout_utils.reproduce._study import Run
from dropout_utils.torch.dropout import Dropout

SHAPE = dict(layers=2, heads=2, width=8, block=6)
KINDS = 11


def nets(seeds=(0, 1), **changes):
    return _gpt.Characters(KINDS, seeds, **{**SHAPE, **changes})


def texts(replicas=2, batch=3, length=7):
    return torch.from_numpy(np.random.default_rng(0).integers(KINDS, size=(replicas, batch, length)))


def readable(net, p=0.0):
    """The LanguageModel with the same weights: no bias but zeros, and GELU for its ReLU."""
    rates = du_torch.Rates(embedding=p, attention=p, attention_output=p, feed_forward=p)
    own = du_torch.LanguageModel(
        KINDS, net.block, width=net.width, heads=net.heads, layers=net.layers, hidden=4 * net.width,
        rates=rates, replicas=len(net.seeds),
    )  # fmt: skip
    w = net.parameters()
    with torch.no_grad():
        for parameter in own.parameters():
            parameter.zero_()
        own.embedding.weight.copy_(w["embedding"])
        own.head.weight.copy_(w["embedding"].mT)
        own.position.copy_(w["position"])
        own.norm.weight.copy_(w["norm"])
        for i, block in enumerate(own.blocks):
            block.feed_forward.activation = "gelu"
            block.feed_forward.dropout = Dropout(0.0)  # nanoGPT drops the output alone
            parts = w[f"attention {i}"].chunk(3, dim=-1)
            for layer, part in zip(
                (block.attention.query, block.attention.key, block.attention.value), parts, strict=True
            ):
                layer.weight.copy_(part)
            block.attention.output.weight.copy_(w[f"attention output {i}"])
            block.feed_forward.inner.weight.copy_(w[f"feed-forward {i}"])
            block.feed_forward.outer.weight.copy_(w[f"feed-forward output {i}"])
            block.attention_norm.weight.copy_(w[f"attention norm {i}"])
            block.feed_forward_norm.weight.copy_(w[f"feed-forward norm {i}"])
    return own


def shaken(net):
    """Weights large enough for each of them to matter."""
    with torch.no_grad():
        net.flat += 0.3 * torch.randn(net.flat.shape, generator=torch.Generator().manual_seed(0))
    return net


def test_the_model_is_the_readable_one_without_dropout():
    net, x = shaken(nets()), texts()[..., :-1]
    torch.testing.assert_close(net.forward(x), readable(net).eval()(x), atol=2e-5, rtol=1e-4)


def test_the_model_is_the_readable_one_under_the_same_masks():
    net, x = shaken(nets()), texts()[..., :-1]
    masks = _gpt.Noise(net, 3, 0.4).at(5)
    kept = [{"embedding": masks["embedding"] != 0}]
    names = {"attention": "attention", "attention_output": "attention output",
             "feed_forward_output": "feed-forward output"}  # fmt: skip
    kept += [{own: masks[f"{site} {i}"] != 0 for own, site in names.items()} for i in range(net.layers)]
    torch.testing.assert_close(net.forward(x, masks), readable(net, 0.4)(x, kept), atol=2e-5, rtol=1e-4)
    assert not torch.allclose(net.forward(x, masks), net.forward(x), atol=0.1)


def test_the_gradient_is_that_of_the_readable_model():
    """Of a weight that both have on its own: the output of the attention."""
    net, x = shaken(nets()), texts()
    masks = _gpt.Noise(net, 3, 0.4).at(5)
    twin = shaken(nets())
    loss, gradient = net.gradient(x, masks)
    step = 1e-2 * gradient / gradient.norm(dim=1, keepdim=True)
    with torch.no_grad():
        twin.flat += step
        up = twin.loss(x, masks)
        twin.flat -= 2 * step
        down = twin.loss(x, masks)
    slope = (gradient * step).sum(1)
    torch.testing.assert_close((up - down) / 2, slope, rtol=0.02, atol=1e-5)
    torch.testing.assert_close(loss, net.loss(x, masks).detach())


def test_the_loss_of_an_untrained_model_is_near_that_of_guessing():
    assert nets().loss(texts(batch=20)).detach().numpy() == pytest.approx(math.log(KINDS), abs=0.05)


def test_no_character_sees_those_that_come_after_it():
    net, x = shaken(nets()), texts()[..., :-1]
    changed = x.clone()
    changed[..., 4:] = (changed[..., 4:] + 1) % KINDS
    before, after = net.forward(x), net.forward(changed)
    torch.testing.assert_close(before[:, :, :4], after[:, :, :4])
    assert not torch.allclose(before[:, :, 4:], after[:, :, 4:])


def test_rate_0_draws_no_mask():
    assert _gpt.Noise(nets(), 3, 0.0).at(0) == {}


def test_masks_are_drawn_at_four_kinds_of_sites_and_no_two_are_alike():
    masks = _gpt.Noise(nets(), 3, 0.5).at(0)
    kinds = {site.rstrip("0123456789 ") for site in masks}
    assert kinds == {"embedding", "attention", "attention output", "feed-forward output"}
    same_shape = [m for m in masks.values() if m.shape == masks["embedding"].shape]
    assert len(same_shape) == 5
    assert all(not torch.equal(a, b) for i, a in enumerate(same_shape) for b in same_shape[:i])


def test_a_model_is_the_same_alone_and_beside_others_up_to_rounding():
    both, alone = nets((3, 4)), nets((4,))
    tokens = torch.from_numpy(np.random.default_rng(1).integers(KINDS, size=100))
    found = []
    for net in (both, alone):
        rule, noise = _gpt.AdamW(net), _gpt.Noise(net, 3, 0.3)
        for step in range(3):
            x = _gpt.batch_at(net.seeds, tokens, 3, net.block, step)
            rule.step(net.gradient(x, noise.at(step))[1], 1e-3, step)
        found.append(net.flat.detach()[-1])
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)


def test_the_optimiser_is_AdamW_with_a_clipped_gradient():
    net = nets((0,))
    leaf = net.flat.detach()[0].clone().requires_grad_()
    decay = net.matrices == 1
    theirs = torch.nn.Parameter(leaf.detach()[decay]), torch.nn.Parameter(leaf.detach()[~decay])
    twin = torch.optim.AdamW(
        [{"params": theirs[0], "weight_decay": 0.1}, {"params": theirs[1], "weight_decay": 0.0}],
        lr=0.01, betas=(0.9, 0.99),
    )  # fmt: skip
    rule = _gpt.AdamW(net)
    for step in range(5):
        gradient = (10.0 ** (step - 2)) * torch.randn(
            net.flat.shape, generator=torch.Generator().manual_seed(step)
        )
        theirs[0].grad, theirs[1].grad = gradient[0, decay].clone(), gradient[0, ~decay].clone()
        torch.nn.utils.clip_grad_norm_(theirs, 1.0)
        twin.step()
        rule.step(gradient, 0.01, step)
    torch.testing.assert_close(net.flat.detach()[0, decay], theirs[0].detach(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(net.flat.detach()[0, ~decay], theirs[1].detach(), rtol=1e-4, atol=1e-6)


def test_the_learning_rate_warms_up_to_its_height_and_ends_at_its_least():
    rates = [_gpt.learning_rate(s, 2000, lr=1e-3, least=1e-4, warmup=100) for s in range(2001)]
    assert rates[0] == pytest.approx(1e-3 / 101) and rates[100] == 1e-3 == max(rates)
    assert rates[2000] == pytest.approx(1e-4) == min(rates[100:])
    assert rates[1050] == pytest.approx((1e-3 + 1e-4) / 2)


def test_windows_ask_for_each_character_once_but_for_the_rest_of_the_text():
    cut = _gpt.windows(np.arange(24), 5)
    assert cut[:, 1:].ravel().tolist() == list(range(1, 21))
    assert cut[:, :-1].ravel().tolist() == list(range(20))
    assert _gpt.windows(np.arange(1001), 5, 4)[:, 0].tolist() == [0, 250, 500, 750]


# ---------------------------------------------------------------------------------- the studies, in tiny
def the_same_text_everywhere(folder, monkeypatch):
    rng = np.random.default_rng(0)
    words = ["to be ", "or not ", "that is ", "the question\n"]
    text = "".join(words[i] for i in rng.integers(4, size=600))
    monkeypatch.setattr(data, "tiny_shakespeare", lambda: text)


TINY = {"layers": 1, "heads": 2, "width": 8, "block": 8, "batch": 4, "lr": 1e-2, "least": 1e-3, "warmup": 3,
        "windows": 20}  # fmt: skip


class Plays(shakespeare.TinyShakespeare):
    name = "tiny-shakespeare-test"
    scales = {"small": {**TINY, "steps": 25, "every": 10, "rates": [0.0, 0.2], "seeds": 2, "together": 1}}
    cost = {"small": "nothing"}


class Early(early.EarlyDropout):
    name = "early-dropout-test"
    scales = {
        "small": {
            "dense": {"hidden": [8, 8], "batch": 10, "steps": 30, "lr": 0.1, "momentum": 0.9, "p": 0.3,
                      "seeds": 2},
            "text": {**TINY, "characters": 960, "many": 3, "rates": [0.0, 0.2], "seeds": 2},
        },
    }  # fmt: skip
    cost = {"small": "nothing"}


DIGITS = data.Dataset(
    "few digits",
    np.random.default_rng(0).random((200, 12), dtype=np.float32), np.arange(200) % 10,
    np.random.default_rng(1).random((100, 12), dtype=np.float32), np.arange(100) % 10,
    task="classification",
)  # fmt: skip


@pytest.fixture(autouse=True)
def own_data(tmp_path, monkeypatch):
    the_same_text_everywhere(tmp_path, monkeypatch)
    monkeypatch.setattr(data, "mnist", lambda: DIGITS)


def measures(store):
    return [(r["arm"], r["seed"], r["measures"]) for r in store.records()]


class Killed(BaseException):
    """What a process that is killed would not even see."""


def killed(study, folder, monkeypatch, steps):
    """Run a study whose checkpoints are due at each step, and kill it after so many of them."""
    taken, save = [], _store.Checkpoint.save

    def dies(self, arrays):
        save(self, arrays)
        taken.append(1)
        if len(taken) == steps:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(_store.Checkpoint, "save", dies)
        run(study, folder, jobs=1, progress=False, checkpoint_seconds=0)


@pytest.mark.parametrize("study", [Plays, Early])
def test_a_run_that_was_killed_three_times_ends_as_one_that_was_not(study, tmp_path, monkeypatch):
    for steps in (7, 11, 40):
        killed(study(), tmp_path / "killed", monkeypatch, steps)
    resumed = run(study(), tmp_path / "killed", jobs=1, progress=False)
    assert measures(resumed) == measures(run(study(), tmp_path / "whole", jobs=1, progress=False))


def test_a_rate_shares_weights_and_texts_with_the_others_and_differs_by_masks_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(_gpt.Noise, "at", lambda self, step: {})
    store = run(Plays(), tmp_path, jobs=1, progress=False)
    by_seed = {}
    for _, seed, found in measures(store):
        by_seed.setdefault(seed, []).append(found)
    assert all(found[0] == found[1] for found in by_seed.values()) and by_seed[0] != by_seed[1]


def test_all_rates_of_a_seed_come_before_the_next_seed(tmp_path):
    tasks = Plays().tasks(Plays.scales["small"], None)
    assert [task.seeds for task in tasks] == [(0,), (0,), (1,), (1,)]


def test_the_losses_of_the_play_are_judged_where_the_settings_say(tmp_path):
    store = run(Plays(), tmp_path, jobs=1, progress=False, seeds=1)
    for _, _, found in measures(store):
        assert len(found["curve"]) == 3  # after 10, 20 and 25 steps
        assert found["best validation loss"] == pytest.approx(min(found["curve"]), abs=1e-5)
        assert found["validation loss"] == pytest.approx(found["curve"][-1], abs=1e-5)
        assert found["curve"][-1] < found["curve"][0] < math.log(15)


def test_dropout_is_on_in_its_steps_and_off_in_the_others(monkeypatch):
    steps = []
    monkeypatch.setattr(
        _nets.CountedMasks, "at", lambda self, step: steps.append(step) or torch.ones(1, *self.shape)
    )
    study = Early()
    expected = {"none": set(), "standard": set(range(30)), "early": set(range(5)), "late": set(range(5, 30))}
    for arm, those in expected.items():
        steps.clear()
        task = next(t for t in study.tasks(study.scales["small"], None) if t.arm == f"underfitting, {arm}")
        study.train(task, Run("cpu", Nothing(), (0,)))
        assert set(steps) == those


class Nothing:
    """A checkpoint that keeps nothing."""

    def load(self):
        return None

    def due(self):
        return False

    def tell(self, share):
        pass


def test_early_dropout_of_all_steps_is_dropout_and_of_none_is_none():
    study = Early()
    task = next(t for t in study.tasks(study.scales["small"], None) if t.arm == "underfitting, standard")

    def found(**changes):
        return study.train(task.__class__(task.arm, (0,), {**task.settings, **changes}),
                           Run("cpu", Nothing(), (0,)))  # fmt: skip

    assert found(**{"from": 0, "to": 0}) == found(p=0.0) != found()
    assert found(**{"from": 0, "to": 10**6}) == found()


def test_one_pass_shows_each_text_once_and_many_passes_show_as_many_texts(monkeypatch):
    shown = []
    gradient = _gpt.Characters.gradient
    monkeypatch.setattr(
        _gpt.Characters, "gradient", lambda self, x, masks: shown.append(x) or gradient(self, x, masks)
    )
    study, counts = Early(), {}
    for task in study.tasks(study.scales["small"], None):
        if task.arm in ("one pass, rate 0.0", "3 passes, rate 0.0"):
            shown.clear()
            study.train(task, Run("cpu", Nothing(), (0,)))
            rows = torch.cat(shown, 1)[0]
            counts[task.arm] = len(rows), len(rows) // task.settings["passes"]
            cut = _gpt.windows(_gpt.encode(study.loaded["Tiny Shakespeare"])[0][: len(rows) * 8 + 1], 8)
            if task.settings["passes"] == 1:
                assert sorted(rows.tolist()) == sorted(cut.tolist())
    assert counts == {"one pass, rate 0.0": (120, 120), "3 passes, rate 0.0": (120, 40)}


def test_each_arm_that_stands_in_a_table_is_trained():
    for study in (find("tiny-shakespeare"), find("early-dropout")):
        trained = {task.arm for scale in study.scales.values() for task in study.tasks(scale, None)}
        shown = {row.arm for row in study.published if "other data" not in row.row}
        assert shown <= trained


class Together(Plays):
    scales = {"small": {**Plays.scales["small"], "together": 2}}


def test_seeds_side_by_side_the_way_of_a_gpu_find_what_each_finds_alone_up_to_rounding(tmp_path):
    alone = run(Plays(), tmp_path / "alone", jobs=1, progress=False)
    beside = run(Together(), tmp_path / "beside", device="cpu:0", progress=False)  # masks travel as bits
    assert {record["provenance"]["together"] for record in beside.records()} == {2}
    for (arm, seed, a), (other_arm, other_seed, b) in zip(measures(alone), measures(beside), strict=True):
        assert (arm, seed) == (other_arm, other_seed)
        assert a["curve"] == pytest.approx(b["curve"], abs=1e-3)
