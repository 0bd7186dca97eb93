"""Reproductions: seeds kept with their provenance, stopped runs go on bit for bit, clear sentences."""

import errno
import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dropout_utils import data
from dropout_utils.reproduce import (
    Published,
    ReproduceError,
    Store,
    Study,
    Task,
    _command,
    _nets,
    _store,
    _studies,
    again,
    doubts,
    figure,
    measured,
    mnist,
    report,
    rows,
    run,
    stored,
    stored_names,
    table,
)
from dropout_utils.reproduce._report import STORED, collect, ours, spread_out
from dropout_utils.reproduce._study import Run, checksum
from dropout_utils.seeding import counted
from dropout_utils.torch import MLP

RNG = np.random.default_rng(0)
DIGITS = data.Dataset(
    "few digits",
    RNG.random((200, 12), dtype=np.float32), RNG.integers(0, 10, 200),
    RNG.random((100, 12), dtype=np.float32), RNG.integers(0, 10, 100),
    task="classification",
)  # fmt: skip


class Small(Study):
    """Two arms of tiny nets on made-up digits."""

    name = "small-test"
    title = "A small test"
    unit = "%"
    recipe = "None."
    scales = {"small": {"seeds": 3, "steps": 40}}
    cost = {"small": "nothing"}
    published = (
        Published("plain", 80.0, "plain", "error"),
        Published("dropped", None, "dropped", "error"),
        Published("never run", 1.0, "other", "error", source="unchecked"),
    )

    def data(self):
        return {"few digits": DIGITS}

    def tasks(self, settings, store):
        seeds = tuple(range(settings["seeds"]))
        return [Task(arm, seeds, {"p": p, "steps": settings["steps"]})
                for arm, p in (("plain", 0.0), ("dropped", 0.5))]  # fmt: skip

    def train(self, task, run):
        nets = _nets.Nets((12, 16, 10), run.seeds, p=task.settings["p"], batch=20, device=run.device)
        rule = _nets.SGD(nets, max_norm=1.0)
        _nets.train(nets, rule, DIGITS.x_train, DIGITS.y_train, steps=task.settings["steps"], lr=0.1,
                    momentum=0.9, run=run)  # fmt: skip
        return _nets.errors(nets.predict(torch.from_numpy(np.array(DIGITS.x_test))), DIGITS.y_test)


def measures(store):
    return [(r["arm"], r["seed"], r["measures"]) for r in store.records()]


@pytest.fixture
def store(tmp_path):
    return run(Small(), tmp_path, jobs=1, progress=False)


# ------------------------------------------------------------------------------------------ the nets
def nets(seeds=(3, 4), **settings):
    return _nets.Nets((6, 8, 8, 10), seeds, batch=5, **settings)


@pytest.mark.parametrize("settings", [{}, {"p": 0.5, "input_p": 0.2}])
def test_gradients_are_those_of_the_readable_net_under_the_same_masks(settings):
    ours = nets(**settings)
    twin = MLP(ours.sizes, settings.get("p", 0.0), input_p=settings.get("input_p", 0.0), replicas=2)
    with torch.no_grad():
        for a, b in zip(twin.parameters(), ours.parameters, strict=True):
            a.copy_(b)
    x, y = torch.rand(2, 5, 6), torch.randint(0, 10, (2, 5))
    drawn = [torch.ones(1) if m is None else m.at(7) != 0 for m in ours.masks]
    logits = twin(x, masks=[m.clone() for m in drawn] if settings else None)
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum") / 5
    loss.backward()
    found = ours.step(x, y, 7)
    torch.testing.assert_close(found.sum(), loss.detach())
    for a, g in zip(twin.parameters(), ours.gradients, strict=True):
        torch.testing.assert_close(a.grad, g)


def test_gradients_of_logistic_nets_are_those_of_autograd():
    ours = nets(seeds=(1,), p=0.5, activation="logistic")
    x, y = torch.rand(1, 5, 6), torch.randint(0, 10, (1, 5))
    leaves = [w.clone().requires_grad_() for w in ours.parameters]
    h = x
    for i in range(3):
        h = h @ leaves[2 * i] + leaves[2 * i + 1]
        h = h if i == 2 else torch.sigmoid(h) * ours.masks[i + 1].at(2).clone()
    torch.nn.functional.cross_entropy(h[0], y[0]).backward()
    ours.step(x, y, 2)
    for leaf, g in zip(leaves, ours.gradients, strict=True):
        torch.testing.assert_close(leaf.grad, g)


def test_products_in_low_precision_give_the_gradients_to_a_hundredth():
    x, y = torch.rand(2, 5, 6), torch.randint(0, 10, (2, 5))
    full, low = (nets(p=0.5, input_p=0.2, products=name) for name in ("float32", "bfloat16"))
    torch.testing.assert_close(low.step(x, y, 3), full.step(x, y, 3), rtol=0.01, atol=0)
    for a, b in zip(low.gradients, full.gradients, strict=True):
        assert a.dtype == torch.float32
        assert 0 < (a - b).norm() < 0.015 * b.norm()


def test_a_net_is_the_same_alone_and_beside_others_up_to_rounding():
    x, y = torch.rand(5, 6), torch.randint(0, 10, (5,))
    both, alone = nets((3, 4), p=0.5), nets((4,), p=0.5)
    both.step(x.expand(2, 5, 6), y.expand(2, 5), 0)
    alone.step(x[None], y[None], 0)
    for a, b in zip(both.gradients, alone.gradients, strict=True):
        torch.testing.assert_close(a[1], b[0], rtol=1e-6, atol=1e-7)


def test_the_mask_of_a_step_needs_no_earlier_step():
    m = _nets.CountedMasks([5], "layer 1", (4, 9), 0.3, "cpu")
    first = m.at(11).clone()
    m.at(12)
    assert torch.equal(m.at(11), first) and not torch.equal(m.at(12), first)


def test_bits_that_travel_to_a_gpu_unpack_to_the_masks_of_the_processor():
    on_cpu = _nets.CountedMasks([5, 6], "layer 1", (4, 9), 0.3, "cpu").at(11)
    elsewhere = _nets.CountedMasks([5, 6], "layer 1", (4, 9), 0.3, "cpu:0").at(11)  # takes the other way
    torch.testing.assert_close(elsewhere, on_cpu, rtol=1e-6, atol=0)


def test_counted_masks_drop_with_their_rate():
    keep = _nets.CountedMasks([0], "layer 0", (1000, 1000), 0.2, "cpu").at(0) != 0
    z = (keep.double().mean() - 0.8) / (0.2 * 0.8 / 1e6) ** 0.5
    assert abs(z) < 4  # false alarm: 6 in 100,000


def test_streams_of_seeds_sites_and_steps_differ():
    draws = {int(counted(*key).bit_generator.random_raw()) for key in
             [(s, site, t) for s in (0, 1) for site in ("a", "b") for t in (0, 1)]}  # fmt: skip
    assert len(draws) == 8


def test_max_norm_holds_for_hidden_layers():
    ours = nets()
    _nets.SGD(ours, max_norm=0.5).step(0.0, 0.0)
    for W in ours.parameters[:-2:2]:
        assert float(W.norm(dim=-2).max()) <= 0.5 + 1e-6


def test_monte_carlo_of_a_net_without_dropout_is_scaling():
    ours = nets()
    x = torch.rand(7, 6)
    torch.testing.assert_close(dict(ours.monte_carlo(x, [3]))[3], ours.predict(x).exp())


# ------------------------------------------------------------------------------------------ the runs
def test_a_run_keeps_one_file_a_seed(store):
    assert len(store.records()) == 6 and len(measured(store.records(), "plain", "error")) == 3


def test_more_seeds_add_to_those_that_are_there(store, monkeypatch):
    before = measures(store)
    trained = []
    monkeypatch.setattr(Small, "train", lambda self, task, run, old=Small.train: (trained.extend(task.seeds),
                                                                                 old(self, task, run))[1])
    after = measures(run(Small(), store.root, seeds=4, jobs=1, progress=False))
    assert trained == [3, 3] and all(m in after for m in before)


def test_results_of_settings_that_are_no_longer_asked_for_stay_on_disk_and_out_of_the_table(store):
    class Longer(Small):
        scales = {"small": {"seeds": 2, "steps": 50}}

    before = measures(store)
    longer = run(Longer(), store.root, jobs=1, progress=False).records()
    assert len(longer) == 4 and {r["settings"]["steps"] for r in longer} == {50}
    assert doubts(Longer(), longer) == []
    assert measures(run(Small(), store.root, jobs=1, progress=False)) == before


def test_a_record_can_be_made_again(store):
    record = store.records()[-1]
    assert again(Small(), record) == record["measures"]


def test_two_processes_find_what_one_finds(store, tmp_path):
    again = run(Small(), tmp_path / "two", jobs=2, progress=False)
    assert measures(again) == measures(store)


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("stops", [(5,), (1, 20, 39), (7, 8, 9)])
def test_a_run_killed_and_taken_up_is_the_unkilled_run_bit_for_bit(store, tmp_path, stops, monkeypatch):
    class Counted(Run):
        def steps(self, state, total):
            for step in super().steps(state, total):
                if stops_left and step == stops_left[0]:
                    stops_left.pop(0)
                    raise _Killed
                yield step

    from dropout_utils.reproduce import _run

    stops_left = list(stops)
    monkeypatch.setattr(_run, "Run", Counted)
    for _ in stops:
        with pytest.raises(_Killed):
            run(Small(), tmp_path / "killed", jobs=1, progress=False, checkpoint_seconds=0)
    again = run(Small(), tmp_path / "killed", jobs=1, progress=False, checkpoint_seconds=0)
    assert measures(again) == measures(store)
    assert not list(again.folder.glob("*.checkpoint"))


def test_a_checkpoint_is_gone_on_from_and_not_begun_anew(tmp_path):
    checkpoint = Store(tmp_path, "s", "small").checkpoint(Task("a", (0,), {}), every=0)
    checkpoint.path.parent.mkdir(parents=True)
    state = {"w": torch.zeros(2)}
    for step in Run("cpu", checkpoint, (0,)).steps(state, 10):
        state["w"] += 1
        if step == 6:
            break
    fresh = {"w": torch.zeros(2)}
    went = list(Run("cpu", checkpoint, (0,)).steps(fresh, 10))
    assert went == [6, 7, 8, 9] and fresh["w"].tolist() == [6, 6]


def test_a_damaged_checkpoint_is_begun_anew(tmp_path):
    checkpoint = Store(tmp_path, "s", "small").checkpoint(Task("a", (0,), {}))
    checkpoint.path.parent.mkdir(parents=True)
    checkpoint.save({"step": np.array(3)})
    checkpoint.file.write_bytes(checkpoint.file.read_bytes()[:-20])
    assert checkpoint.load() is None


def test_a_damaged_result_is_computed_anew(store):
    path = store.path(Small().tasks({"seeds": 1, "steps": 40}, store)[0], 0)
    before = measures(store)
    path.write_text(path.read_text()[:50])
    assert measures(run(Small(), store.root, jobs=1, progress=False)) == before


def test_other_settings_are_other_files(store):
    a, b = Task("x", (0,), {"p": 0.1}), Task("x", (0,), {"p": 0.2})
    assert store.path(a, 0) != store.path(b, 0)


def test_a_second_run_on_the_folder_is_told_so(tmp_path):
    with Store(tmp_path, Small.name, "small").locked(), pytest.raises(ReproduceError, match="another run"):
        run(Small(), tmp_path, jobs=1, progress=False)


def test_the_lock_goes_with_its_process(tmp_path):
    code = ("import sys, time; from dropout_utils.reproduce import Store\n"
            "with Store(sys.argv[1], 'small-test', 'small').locked():\n"
            "    print('locked', flush=True); time.sleep(60)")
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"locked\n"
    with pytest.raises(ReproduceError), Store(tmp_path, "small-test", "small").locked():
        pass
    child.kill()
    child.communicate()
    with Store(tmp_path, "small-test", "small").locked():
        pass


def test_a_full_disk_is_one_sentence_and_loses_nothing(store, monkeypatch):
    before = measures(store)

    def full(path, record):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(_store, "write_json", full)
    with pytest.raises(ReproduceError, match=r"the disk is full.*what was finished is kept") as caught:
        run(Small(), store.root, seeds=4, jobs=1, progress=False)
    assert "\n" not in str(caught.value) and measures(store) == before
    monkeypatch.undo()
    assert len(run(Small(), store.root, seeds=4, jobs=1, progress=False).records()) == 8


def test_a_device_that_is_not_there_is_named(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(ReproduceError, match="cuda"):
        run(Small(), tmp_path, device="cuda", jobs=1, progress=False)


@pytest.mark.parametrize(("argument", "value"), [("scale", "huge"), ("seeds", 0), ("checkpoint_seconds", -1)])
def test_a_bad_argument_of_a_run_is_named(tmp_path, argument, value):
    with pytest.raises(ValueError, match=argument):
        run(Small(), tmp_path, jobs=1, progress=False, **{argument: value})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_finds_nearly_what_the_processor_finds(store, tmp_path):
    found = run(Small(), tmp_path / "gpu", device="cuda", progress=False)
    for one, other in zip(measures(found), measures(store), strict=True):
        assert abs(one[2]["loss"] - other[2]["loss"]) < 1e-2


# ------------------------------------------------------------------------------- tables and provenance
def test_every_result_says_how_it_came_about(store):
    assert doubts(Small(), store.records()) == []


@pytest.mark.parametrize("name", ["code", "torch", "processor", "data", "seconds"])
def test_a_result_without_its_provenance_is_doubted(store, name):
    records = store.records()
    del records[0]["provenance"][name]
    assert name in doubts(Small(), records)[0]


def test_other_data_are_doubted(store, monkeypatch):
    monkeypatch.setattr(Small, "digests", {"few digits": "0"})
    assert "other data" in doubts(Small(), store.records())[0]


def test_a_seed_that_counts_twice_is_doubted(store):
    assert "twice" in doubts(Small(), store.records() + store.records()[:1])[0]


def test_a_changed_pixel_changes_the_checksum():
    x = DIGITS.x_test.copy()
    x[0, 0] += 1e-3
    assert checksum(x) != checksum(DIGITS.x_test)


def test_a_table_has_theirs_beside_ours_and_empty_cells_where_nothing_was_run(store):
    plain, dropped, never = rows(Small(), store.records())
    assert plain.effect.n == 3 and plain.effect.mean == pytest.approx(plain.values.mean())
    assert dropped.published.value is None and never.effect is None
    text = str(table(Small(), store.records()))
    assert "not run" in text and "(unchecked)" in text
    page = table(Small(), store.records())._repr_html_()
    assert ",&nbsp;" in page  # an interval is not broken inside
    page = page.replace("&nbsp;", " ")
    assert all(f">{line[2]}<" in page for line in table(Small(), store.records()).lines)


@pytest.mark.parametrize(("low", "high", "text"), [
    (4.9, 5.5, "5.20 [4.90, 5.50]"), (-3.1, -2.98, "−3.04 [−3.10, −2.98]"), (-0.01, 8.03, "4.0 [0.0, 8.0]"),
    (0.4031, 0.4037, "0.403 [0.403, 0.404]"), (86.0, 88.0, "87.0 [86.0, 88.0]"),
    (1.6, 1.6, "1.60 [1.60, 1.60]"),
])
def test_a_mean_and_its_interval_have_as_many_decimals_as_they_tell(low, high, text):
    effect = SimpleNamespace(mean=(low + high) / 2, low=low, high=high)
    assert ours(SimpleNamespace(values=[low, high], effect=effect)) == text


def test_a_report_holds_all_that_was_found(store, monkeypatch, tmp_path):
    monkeypatch.setattr(_studies, "_FIXED", (Small,))
    written = report(store.root, tmp_path / "report")
    assert {p.suffix for p in written} == {".txt", ".json", ".svg"}
    content = json.loads(next(p for p in written if p.suffix == ".json").read_text())
    assert spread_out(content) == store.records() == spread_out(collect(Small(), store.records()))


def test_a_report_of_nothing_is_one_sentence(tmp_path):
    with pytest.raises(ReproduceError, match="run a study first"):
        report(tmp_path, tmp_path / "report")


@pytest.mark.parametrize("name", stored_names())
def test_every_stored_number_has_its_provenance(name):
    study, records = stored(name)
    assert records and doubts(study, records) == []


@pytest.mark.parametrize("name", stored_names())
def test_a_stored_table_is_that_of_the_stored_numbers(name):
    assert (STORED / f"{name}.txt").read_text(encoding="utf-8").startswith(f"{table(*stored(name))}\n\n")


# ------------------------------------------------------------------------------------ the command line
def test_the_list_names_every_study_with_its_cost(capsys, tmp_path):
    assert _command.main(["--folder", str(tmp_path), "list"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert all(s.name in text and s.cost["small"] in text for s in _studies.studies())


def test_the_command_runs_a_study_and_shows_its_table(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(_studies, "_FIXED", (Small,))
    assert _command.main(["run", "small-test", "--seeds", "2", "--jobs", "1", "--folder", str(tmp_path)]) == 0
    assert "not run" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["run", "no-such-study"], ["run", "mnist-table-2", "--seeds", "0"],
                                       ["report"], ["run", "mnist-table-2", "--device", "nowhere"]])
def test_what_cannot_be_done_is_one_sentence(capsys, tmp_path, arguments):
    assert _command.main([*arguments, "--folder", str(tmp_path)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_missing_data_are_one_sentence(capsys, tmp_path, monkeypatch):
    def missing():
        raise data.DataError("MNIST is not there: put it into a folder")

    monkeypatch.setattr(mnist.data, "mnist", missing)
    assert _command.main(["run", "mnist-table-2", "--folder", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "MNIST is not there: put it into a folder\n"


def test_an_interrupted_command_says_that_it_goes_on(capsys, monkeypatch, tmp_path):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(_command._run, "run", stop)
    assert _command.main(["run", "mnist-table-2", "--folder", str(tmp_path)]) == 130
    assert "goes on from here" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------- the studies
@pytest.mark.parametrize("study", _studies.studies(), ids=lambda study: study.name)
def test_every_study_says_what_it_costs_and_where_its_numbers_are_from(study, pytestconfig):
    known = (pytestconfig.rootpath / "references.bib").read_text()
    assert set(study.cost) == set(study.scales) >= {"small"} and study.recipe and study.unit
    assert study.reference and all(f"{{{key}," in known for key in study.reference)
    assert all(p.source in ("read", "transcribed", "unchecked") for p in study.published)


def test_arms_choose_from_the_validation_images_and_never_from_the_test(tmp_path):
    study, place = mnist.Table2(), Store(tmp_path, "t", "small")
    tuning = study.tasks(study.scales["small"], place)
    assert {task.settings["judged_on"] for task in tuning} == {"validation"}
    for i, task in enumerate(tuning):
        place.folder.mkdir(parents=True, exist_ok=True)
        for seed in task.seeds:
            place.save(task, seed, {"loss": float("nan") if i == 0 else 1.0 + i}, {}, 0.0)
    final = [t for t in study.tasks(study.scales["small"], place) if t.settings["judged_on"] == "test"]
    assert [t.arm for t in final] == list(study.arms)
    assert [t.settings["lr"] for t in final] == [0.03, 0.01, 0.01]  # what diverged is not chosen


def test_what_is_tuned_on_a_part_sees_no_validation_image(monkeypatch):
    x, y = np.arange(20_000, dtype=np.float32)[:, None], np.arange(20_000) % 10
    some = data.Dataset("MNIST", x, y, x[:10], y[:10], task="classification")
    seen = []
    monkeypatch.setattr(_nets, "train", lambda nets, rule, x, labels, **rest: seen.append(set(x[:, 0])))
    monkeypatch.setattr(_nets, "errors", lambda log_probabilities, labels: {"error": [0.0], "loss": [0.0]})
    monkeypatch.setattr(_nets.Nets, "predict", lambda net, x: seen.append(set(x[:, 0].tolist())))
    settings = {"hidden": [2], "batch": 10, "momentum": 0.5, "lr": 0.1, "steps": 1, "n_train": 5000}
    mnist._train_nets(some, {**settings, "judged_on": "validation"}, Run("cpu", None, (0,)))
    trained, judged = seen
    assert len(trained) == 5000 and len(judged) == 10_000 and not trained & judged


def test_arms_of_a_table_differ_in_their_regularisers_alone(tmp_path):
    study, place = mnist.Table9(), Store(tmp_path, "t", "small")
    own = {"p", "input_p", "l1", "l2", "max_norm"}
    left = {json.dumps({k: v for k, v in t.settings.items() if k not in own | {"lr"}}, sort_keys=True)
            for t in study.tasks(study.scales["small"], place)}  # fmt: skip
    assert len(left) == 1


def test_survivors_are_as_many_at_every_rate(tmp_path):
    study = mnist.Figure9()
    for task in study.tasks(study.scales["small"], Store(tmp_path, "t", "small")):
        if task.arm.startswith("survivors"):
            kept = [n * (1 - task.settings["p"]) for n in task.settings["hidden"]]
            assert kept == pytest.approx(study.scales["small"]["survivors"], rel=0.02)


# ------------------------------------------------------------------------------------------- curves
def records_of(study, seeds=(0, 1, 2)):
    """Records as a run would leave them, with made-up errors: the rate plus the seed."""
    store = type("Empty", (), {"missing": lambda self, task: task.seeds})()
    return [
        {"arm": task.arm, "seed": seed, "settings": task.settings,
         "measures": {"error": task.settings.get("p", 0.0) + seed}}
        for task in study.tasks(study.scales["small"], store) for seed in seeds
    ]  # fmt: skip


def test_a_study_along_an_axis_is_drawn_as_curves():
    study = mnist.Figure9()
    study.scales = {"small": {**study.scales["small"], "rates": [0.0, 0.5, 0.9]}}
    (ax,) = figure(study, records_of(study)).axes
    drawn = {line.get_label(): line.get_xydata() for line in ax.lines}
    rates = study.scales["small"]["rates"]
    for kind in ("width fixed", "survivors fixed"):
        np.testing.assert_allclose(drawn[kind], np.column_stack([rates, np.array(rates) + 1]))
    assert sorted(map(tuple, drawn["published"])) == [(0.9, 1.7), (0.9, 2.7)]
    assert ax.get_xlabel() == "drop probability p"


def test_sizes_of_data_lie_on_a_logarithmic_axis():
    study = mnist.Figure10()
    (ax,) = figure(study, records_of(study)).axes
    assert ax.get_xscale() == "log" and ax.get_xlabel() == "training images"
    assert {line.get_label() for line in ax.lines} == {"dropout", "no dropout", "hidden units only"}


def test_one_seed_is_no_curve():
    study = mnist.Figure9()
    assert figure(study, records_of(study, seeds=(0,))) is None


def test_the_mean_of_k_passes_is_that_of_the_first_k():
    net, x = nets([0, 1], p=0.5), torch.rand(7, 6)
    each = torch.stack([net.predict(x, drop=i).exp() for i in range(5)])
    found = dict(net.monte_carlo(x, [1, 3, 5]))
    assert list(found) == [1, 3, 5]
    for k, mean in found.items():
        torch.testing.assert_close(mean, each[:k].mean(0))


def test_figure_11_is_judged_after_each_count_of_passes(tmp_path):
    study = mnist.Figure11()
    study.__dict__["loaded"] = {"MNIST": DIGITS}
    task = Task("dropout", (0, 1), {"hidden": [16], "batch": 20, "momentum": 0.9, "lr": 0.05, "steps": 200,
                                    "p": 0.5, "judged_on": "test", "passes": [1, 2, 50]})  # fmt: skip
    found = study.train(task, Run("cpu", Store(tmp_path, "s", "small").checkpoint(task), task.seeds))
    assert {name for name in found if name.startswith("error")} == {
        "error", "error, 1 pass", "error, 2 passes", "error, 50 passes"}  # fmt: skip
