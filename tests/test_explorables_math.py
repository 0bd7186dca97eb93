"""The explorables' arithmetic is the package's: their modules run in Node, against dropout_utils.numpy.

Each test runs twice: on the sources, and on the modules as they are put together and shortened for a page.
A reader with the site needs no Node; these tests do, and are skipped where it is not installed.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import dropout_utils
from dropout_utils import data, masks, seeding
from dropout_utils import numpy as du
from dropout_utils.explorables import _assemble

SOURCES = Path(dropout_utils.__file__).parent / "explorables"
PARTS = ("random", "masks", "network", "data")  # of core/
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed: apt-get install nodejs")

HEAD = """
const { generator } = random, { keepMask } = masks, { MLP, SGD, Adam, Batches } = network;
const { softmaxCrossEntropy, meanSquaredError, accuracy } = network;
"""


def exported(path):
    """What a source exports beside the explorable."""
    return tuple(re.findall(r"(?m)^export (?:function|class|const) (\w+)", path.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def assembled(tmp_path_factory):
    """A folder with the modules as they stand in a page, laid out and exporting like the sources."""
    folder = tmp_path_factory.mktemp("assembled")
    (folder / "core").mkdir()
    for name in _assemble.available():
        code = _assemble.assemble(name, exported(SOURCES / f"{name}.mjs"))
        (folder / f"{name}.mjs").write_text(code, encoding="utf-8")
    for part in PARTS:  # as the playground carries it
        code = _assemble.assemble("playground", exported(SOURCES / "core" / f"{part}.mjs"))
        (folder / "core" / f"{part}.mjs").write_text(code, encoding="utf-8")
    return folder


@pytest.fixture(params=["source", "assembled"], autouse=True)
def form(request):
    """Which form of the modules node() imports."""
    global folder
    folder = SOURCES if request.param == "source" else request.getfixturevalue("assembled")


def node(source, **given):
    """What an asynchronous JavaScript function body returns, as JSON; `given` are its constants."""
    constants = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in given.items())
    places = {name: json.dumps((folder / "core" / f"{name}.mjs").as_uri()) for name in PARTS}
    parts = "".join(f"import * as {name} from {place};\n" for name, place in places.items())
    base = f"const BASE = {json.dumps(folder.as_uri() + '/')};\n"
    answer = f"console.log(JSON.stringify(await (async () => {{{source}}})()));"
    script = f"{parts}{base}{HEAD}{constants}\n{answer}"
    done = subprocess.run([NODE, "--input-type=module", "-"], input=script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def bits(array):
    return np.asarray(array, np.uint8)


# ------------------------------------------------------------------------------------- random stream

STREAMS = [(0,), (7, "masks"), (2**32 + 5, "masks", 2), (123, 0, "ü", 2**40), (3, "a", "b", "c", 1, 2)]


@pytest.mark.parametrize("stream", STREAMS, ids=str)
def test_the_random_words_are_those_of_the_package(stream):
    words = node("""
        const rng = generator(...stream), words = [];
        for (let i = 0; i < 1000; i++) { rng.next(); words.push([rng.hi >>> 0, rng.lo >>> 0]); }
        return words;""", stream=stream)
    expected = seeding.generator(*stream).bit_generator.random_raw(1000)
    assert [(hi << 32) | lo for hi, lo in words] == expected.tolist()


def test_uniform_numbers_are_numpys():
    drawn = node('const rng = generator(5, "u"); return Array.from({ length: 500 }, () => rng.random());')
    assert drawn == seeding.generator(5, "u").random(500).tolist()


def test_normal_numbers_are_numpys_also_in_the_tail():
    n = 200_000  # the tail beyond 3.65 is reached some fifty times
    drawn = node("""
        const rng = generator(9, "n");
        return Array.from({ length: n }, () => rng.normal());""", n=n)
    expected = seeding.generator(9, "n").standard_normal(n)
    assert np.abs(expected).max() > 3.66
    assert np.allclose(drawn, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("n", [1, 2, 25, 1000])
def test_permutations_are_numpys_one_after_the_other(n):
    drawn = node("""
        const rng = generator(4, "order");
        return [0, 1, 2].map(() => [...rng.permutation(new Uint32Array(n))]).concat(rng.random());""", n=n)
    rng = seeding.generator(4, "order")
    assert drawn == [*(rng.permutation(n).tolist() for _ in range(3)), rng.random()]


@pytest.mark.parametrize("seed", ["-1", "0.5", "NaN", "'3'", "2 ** 53"])
def test_a_seed_that_is_none_is_refused(seed):
    said = node(f"try {{ generator({seed}); }} catch (error) {{ return String(error); }}")
    assert "a seed must be a whole number" in said


# -------------------------------------------------------------------------------------------- masks

RATES = [0.0, 0.1, 0.2, 1 / 3, 0.5, 0.7, 0.9, 0.999, 1.0, 1e-9]


@pytest.mark.parametrize("p", RATES)
def test_masks_have_the_bits_of_the_package(p):
    sizes = [1, 7, 8, 3200, 150_001]
    drawn = node("""
        const rng = generator(11, "masks");
        return sizes.map((n) => keepMask(p, rng, new Uint8Array(n)).join(""));""", p=p, sizes=sizes)
    rng = seeding.generator(11, "masks")
    for n, mask in zip(sizes, drawn, strict=True):
        assert mask == "".join(map(str, masks.keep_mask(n, p, rng).astype(int)))


def test_masks_agree_also_where_the_reserve_runs_out():
    """208 of 65,536 places escape the table at this rate; one of these masks needs more than its reserve."""
    p, count, n = 0.642, 40_000, 32
    drawn = node("""
        const rng = generator(1), out = new Uint8Array(n);
        let kept = 0;
        for (let i = 0; i < count; i++) kept += keepMask(p, rng, out).reduce((a, b) => a + b);
        return [kept, rng.random()];""", p=p, count=count, n=n)
    rng, law = seeding.generator(1), masks._law(p)
    kept = sum(int(masks.keep_mask(n, p, rng).sum()) for _ in range(count))
    assert drawn == [kept, rng.random()]
    words = count * (law.main_words(n // 8) + law.reserve(n // 8))
    untouched = seeding.generator(1)
    untouched.bit_generator.random_raw(words)
    assert untouched.random() != drawn[1], "no reserve ran out: the test would be empty"


@pytest.mark.parametrize("p", ["-0.1", "1.1", "NaN", "'half'"])
def test_a_rate_that_is_none_is_refused(p):
    said = node(f"try {{ keepMask({p}, generator(0), new Uint8Array(3)); }} catch (e) {{ return `${{e}}`; }}")
    assert "drop probability in [0, 1]" in said


# ------------------------------------------------------------------------------------------ network

SIZES, B = (3, 8, 5, 4), 6


def example(p, seed=0):
    rng = np.random.default_rng(seed)
    x, labels = rng.normal(size=(B, SIZES[0])), rng.integers(SIZES[-1], size=B)
    return du.MLP(SIZES, p, rng=seeding.generator(3, "weights"), dtype=np.float64), x, labels


def close(found, expected):
    return np.allclose(found, np.ravel(expected), rtol=1e-10, atol=1e-12)


SETUP = """
    const net = new MLP(sizes, p, generator(3, "weights"), labels.length);
    const flat = (list) => list.map((a) => Array.from(a));
"""


@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
def test_weights_logits_masks_loss_and_gradients_are_the_packages(p):
    net, x, labels = example(p)
    found = node(SETUP + """
        const before = flat(net.parameters);
        const logits = Array.from(net.forward(Float64Array.from(x), labels.length, generator(3, "masks")));
        const dz = new Float64Array(logits.length);
        const loss = softmaxCrossEntropy(logits, labels, labels.length, sizes.at(-1), dz);
        const right = accuracy(logits, labels, labels.length, sizes.at(-1));
        return { before, logits, loss, right, masks: flat(net.masks), gradients: flat(net.backward(dz)),
                 predicted: Array.from(net.predict(Float64Array.from(x), labels.length)) };
        """, sizes=SIZES, p=p, x=x.ravel().tolist(), labels=labels.tolist())
    logits = net.forward(x, seeding.generator(3, "masks"))
    loss, dz = du.softmax_cross_entropy(logits, labels)
    assert all(close(a, b) for a, b in zip(found["before"], net.parameters, strict=True))
    assert close(found["logits"], logits) and close([found["loss"]], loss)
    assert found["right"] == du.accuracy(logits, labels)
    if p > 0:
        assert all((bits(a) == b.ravel()).all() for a, b in zip(found["masks"], net.masks, strict=True))
    assert all(close(a, b) for a, b in zip(found["gradients"], net.backward(dz), strict=True))
    assert close(found["predicted"], net.predict(x))


def test_the_squared_error_and_its_gradient_are_the_packages():
    rng = np.random.default_rng(2)
    prediction, target = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    loss, d = node("""
        const d = new Float64Array(10);
        return [meanSquaredError(prediction, target, 5, 2, d), Array.from(d)];""",
        prediction=prediction.ravel().tolist(), target=target.ravel().tolist())
    expected = du.mean_squared_error(prediction, target)
    assert close([loss], expected[0]) and close(d, expected[1])


@pytest.mark.parametrize(("rule", "theirs", "ours"), [
    ("SGD", "{ decay: 0.01, momentum: 0.9 }", {"weight_decay": 0.01, "momentum": 0.9}),
    ("Adam", "{ decay: 0.01 }", {"weight_decay": 0.01}),
])
def test_optimiser_steps_are_the_packages(rule, theirs, ours):
    net, x, labels = example(0.5)
    found = node(SETUP + f"""
        const rule = new {rule}(net.parameters, 0.05, {theirs}), rng = generator(3, "masks");
        const dz = net.d.at(-1);
        for (let i = 0, B = labels.length; i < 3; i++) {{
          softmaxCrossEntropy(net.forward(Float64Array.from(x), B, rng), labels, B, 4, dz);
          rule.step(net.backward(dz));
        }}
        return flat(net.parameters);""", sizes=SIZES, p=0.5, x=x.ravel().tolist(), labels=labels.tolist())
    step, rng = getattr(du, rule)(net.parameters, 0.05, **ours), seeding.generator(3, "masks")
    for _ in range(3):
        step.step(net.backward(du.softmax_cross_entropy(net.forward(x, rng), labels)[1]))
    assert all(close(a, b) for a, b in zip(found, net.parameters, strict=True))


def test_the_points_are_those_of_data_moons():
    found = node("""
        const rng = generator(8, "data"), train = moons(101, 0.3, rng), test = moons(40, 0.3, rng);
        return [train, test].map(({ x, labels }) => [Array.from(x), Array.from(labels)]);
        """.replace("moons(", "data.moons("))
    moons = data.moons(101, 40, 0.3, rng=seeding.generator(8, "data"))
    parts = [(moons.x_train, moons.y_train), (moons.x_test, moons.y_test)]
    for (x, labels), (a, b) in zip(found, parts, strict=True):
        assert np.allclose(x, a.ravel(), atol=1e-6) and labels == b.tolist()  # the package stores float32


def test_whole_epochs_of_training_end_with_the_packages_weights():
    """Order, last small batch, masks and steps: 20 epochs on 30 points, within 1e-6."""
    rng = np.random.default_rng(1)
    x, labels = rng.normal(size=(30, 2)), rng.integers(2, size=30)
    found = node("""
        const net = new MLP([2, 16, 16, 2], 0.5, generator(1, "weights"), 8);
        const rule = new Adam(net.parameters, 0.01, { decay: 0.001 });
        const order = generator(1, "order"), masks = generator(1, "masks"), dz = net.d.at(-1);
        const batches = new Batches(Float64Array.from(x), Uint8Array.from(labels), 2, 8, order);
        for (let i = 0; i < 20 * 4; i++) {
          batches.take();
          softmaxCrossEntropy(net.forward(batches.x, batches.B, masks), batches.labels, batches.B, 2, dz);
          rule.step(net.backward(dz));
        }
        return net.parameters.map((a) => Array.from(a));""", x=x.ravel().tolist(), labels=labels.tolist())
    net = du.MLP((2, 16, 16, 2), 0.5, rng=seeding.generator(1, "weights"), dtype=np.float64)
    rule = du.Adam(net.parameters, 0.01, weight_decay=0.001)
    du.train(net, rule, x, labels, epochs=20, batch_size=8,
             order_rng=seeding.generator(1, "order"), mask_rng=seeding.generator(1, "masks"))
    assert max(np.abs(np.ravel(b) - a).max() for a, b in zip(found, net.parameters, strict=True)) < 1e-6


# ----------------------------------------------------------------------------------------- the explorables


@pytest.mark.parametrize("mode", ["none", "test", "inverted"])
def test_scaling_draws_the_sums_of_the_package(mode):
    from dropout_utils.explorables import Scaling

    state = dict(p=0.35, n=50, mode=mode, draws=200, seed=3)
    found = node("""
        const { sums } = await import(BASE + "scaling.mjs");
        const law = sums(state);
        const drawn = Array.from({ length: state.draws }, () => law.draw() * law.scale);
        return [drawn, law.test, law.mean];""", state=state)
    drawn, test = Scaling(**state).run()
    assert np.allclose(found[0], drawn, atol=1e-12) and np.isclose(found[1], test)
    assert np.isclose(found[2], 50 * 0.65 * (1 / 0.65 if mode == "inverted" else 1))


@pytest.mark.parametrize("n, p", [(2, 0.5), (9, 0.3), (14, 0.8), (7, 0.0)])
def test_all_subnetworks_and_their_averages_are_those_of_the_package(n, p):
    from dropout_utils import ensembles
    from dropout_utils.explorables import SubNetworks

    explorable = SubNetworks(n=n, p=p, seed=5, x=0.4, y=-0.2)
    found = node("""
        const { everyMask, trained } = await import(BASE + "subnetworks.mjs");
        const { net } = trained(state), all = everyMask(net, state.p, state.x, state.y);
        const weights = net.parameters.map((w) => [...w]);
        return { ...all, probability: [...all.probability], bins: [...all.bins], weights };
        """, state=explorable.state())
    net, _, averages = explorable.run()
    for mine, theirs in zip(found["weights"], net.parameters, strict=True):
        assert np.allclose(mine, theirs.ravel(), atol=1e-6)
    for name, value in averages.items():
        assert abs(found[name] - value) < 1e-6
    point = np.array([explorable.x, explorable.y])
    expected = ensembles.enumerate_probabilities(point, *net.parameters, p=p)[:, 1]
    assert np.allclose(found["probability"], expected, atol=1e-6)
    assert np.isclose(sum(found["bins"]), 1)


@pytest.mark.parametrize("measure", ["gain", "test_accuracy", "test_loss"])
def test_the_rate_map_shows_the_numbers_of_the_stored_sweep(measure):
    from dropout_utils import results
    from dropout_utils.explorables import RateMap

    stored = results.read("rate-map")
    place = (1, 2, 0, 1, 1)
    names = [axis["name"] for axis in stored["axes"]]
    assert names == ["data", "examples", "label_noise", "depth", "width", "rate"]
    explorable = RateMap(measure=measure, **dict(zip(names, place, strict=False)))
    found = node("""
        const { row } = await import(BASE + "ratemap.mjs");
        return row(map.measures, measure, place);""", map=explorable.map, measure=measure, place=place)
    for key in ("mean", "low", "high"):
        assert found[key] == np.array(stored["measures"][measure][key])[place].tolist()
    best = np.argmin if measure == "test_loss" else np.argmax
    assert found["best"] == best(found["mean"])


def test_every_setting_of_the_rate_map_ends_where_its_axis_ends():
    from dropout_utils import results
    from dropout_utils.explorables import RateMap

    traits = RateMap.class_traits()
    assert all(traits[a["name"]].max == len(a["values"]) - 1 for a in results.read("rate-map")["axes"][:-1])


BANDS = """
    const { exactBand, learner, maskBand } = await import(BASE + "uncertainty.mjs");
    const [mean, sd, ...exact] = [0, 0, 0, 0].map(() => new Float64Array(61));
    const run = learner(state);
    run.advance(steps);
    maskBand(run.net, state.k, generator(state.seed, "samples"), mean, sd);
    exactBand(state, ...exact);
    return [[...mean], [...sd], ...exact.map((a) => [...a])];"""


@pytest.mark.parametrize("p, points", [(0.3, None), (0.0, None), (0.5, [0.5, -1.0]), (0.2, [])])
def test_both_bands_are_those_of_the_package(p, points):
    from dropout_utils.explorables import Uncertainty

    state = dict(p=p, k=20, seed=2, weight_decay=0.001, length=0.8, noise=0.15)
    explorable = Uncertainty(**state, **({} if points is None else {"points": points}))
    mean, sd, exact_mean, exact_sd = node(BANDS, state=explorable.state(), steps=150)
    assert np.allclose([mean, sd], explorable.run(150), atol=1e-6)
    assert np.allclose([exact_mean, exact_sd], explorable.exact(), atol=1e-6)


def test_the_exact_band_is_that_of_a_gaussian_process():
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF

    from dropout_utils.explorables import Uncertainty

    explorable = Uncertainty(length=0.7, noise=0.2)
    pairs = np.reshape(explorable.points, (-1, 2))
    judge = GaussianProcessRegressor(RBF(0.7), alpha=0.04, optimizer=None).fit(pairs[:, :1], pairs[:, 1])
    expected = judge.predict(np.linspace(-3, 3, 61)[:, None], return_std=True)
    assert np.allclose(explorable.exact(), expected, atol=1e-6)


@pytest.mark.parametrize("state", [
    dict(p=0.5, seed=4), dict(p=0.0, seed=1), dict(p=0.3, draw=7), dict(p=0.0, mask=[1, 0, 1, 0.4, 1]),
    dict(p=0.7, mask=[0] * 8), dict(p=0.2, x1=0.0, x2=1.5, mask=[1] * 8, seed=2),
], ids=str)
def test_a_pass_under_a_mask_is_that_of_the_package(state):
    from dropout_utils.explorables import MaskAndGradients

    explorable = MaskAndGradients(**state)
    found = node("""
        const { pass } = await import(BASE + "mask.mjs");
        const { masks, gradients, sent, values, output, loss, predicted, unmoved } = pass(state);
        return { masks: masks.map((m) => [...m]), gradients: gradients.map((g) => [...g]),
          sent: sent.map((h) => [...h]), values: values.map((h) => [...h]),
          numbers: { output, loss, predicted, unmoved } };""", state=explorable.state())
    net, gradients, numbers = explorable.run()
    assert found["masks"] == [mask[0].astype(int).tolist() for mask in net.masks]
    assert all(close(a, b) for a, b in zip(found["gradients"], gradients, strict=True))
    assert found["numbers"] == pytest.approx(numbers, abs=1e-9)
    for mask, value, sent in zip(found["masks"], found["values"], found["sent"][1:3], strict=True):
        assert np.allclose(np.array(mask) * value / (1 - explorable.p), sent)


@pytest.mark.parametrize("state", [
    dict(kind="unit", p=0.3), dict(kind="unit", p=0.9, seed=3), dict(kind="spatial", p=0.5, draw=2),
    dict(kind="spatial", p=0.9, seed=1), dict(kind="block", p=0.3, draw=4),
    dict(kind="block", p=0.9, block=9),
    dict(kind="block", p=0.4, block=2, seed=9), dict(kind="block", p=0.0),
], ids=str)
def test_a_feature_map_its_mask_and_its_guess_are_those_of_the_package(state):
    from dropout_utils.explorables import FeatureMap

    explorable = FeatureMap(**state)
    found = node("""
        const { activations, guess, mapMask } = await import(BASE + "featuremap.mjs");
        const map = activations(state.seed);
        const mask = mapMask(state.kind, state.p, state.block, generator(state.seed, "masks", state.draw));
        const { filled, dropped, guessed } = guess(map, mask);
        return { map: [...map], mask: [...mask], filled: [...filled], numbers: { dropped, guessed } };
        """, state=explorable.state())
    x, mask, filled, numbers = explorable.run()
    assert found["mask"] == mask.ravel().astype(int).tolist()
    assert close(found["map"], x) and close(found["filled"], filled)
    assert found["numbers"] == pytest.approx(numbers, abs=1e-9)


@pytest.mark.parametrize("kind, layer", [("unit", "dropout"), ("spatial", "spatial_dropout2d"),
                                         ("block", "drop_block2d")])
def test_the_masks_of_a_feature_map_are_those_of_the_layers_in_pytorch(kind, layer):
    torch = pytest.importorskip("torch")
    from dropout_utils import torch as layers
    from dropout_utils.explorables import FeatureMap

    explorable = FeatureMap(kind=kind, p=0.35, block=4, seed=6, draw=1)
    rng = seeding.generator(6, "masks", 1)
    args = (torch.ones(6, 18, 18), 0.35, *([4] if kind == "block" else []))
    y = getattr(layers, layer)(*args, generator=rng)
    assert ((y > 0).numpy() == explorable.run()[1]).all()


SITES = ("embedding", "attention", "attention_output", "feed_forward")


@pytest.mark.parametrize("state", [
    dict(p=0.1), dict(p=0.5, seed=3, **dict.fromkeys(SITES, True)),
    dict(p=0.9, attention=False, embedding=True), dict(p=0.0, feed_forward=True),
    dict(p=0.3, draw=5, attention_output=True, attention=False, seed=2),
], ids=str)
def test_a_transformer_block_under_dropout_is_that_of_the_package_and_of_its_torch_block(state):
    from dropout_utils.explorables import AttentionSites

    explorable = AttentionSites(**state)
    found = node("""
        const { block, forward, moved, siteMasks } = await import(BASE + "attention.mjs");
        const net = block(state.seed), still = forward(net, 0, {});
        const site = (part) => (part.startsWith("feed") ? "feed_forward" : part);
        const all = Object.entries(siteMasks(state.p, state.seed, state.draw));
        const masks = Object.fromEntries(all.filter(([part]) => state[site(part)]));
        const { output, used } = forward(net, state.p, masks);
        return { x: [...net.x], output: [...output], attention: [...used.attention],
          masks: Object.fromEntries(Object.entries(masks).map(([part, mask]) => [part, [...mask]])),
          moved: moved(output, still.output) };""", state=explorable.state())
    output, weights, masks, numbers = explorable.run()
    assert found["masks"] == {part: mask.ravel().astype(int).tolist() for part, mask in masks.items()}
    assert close(found["output"], output) and close(found["attention"], weights)
    assert found["moved"] == pytest.approx(numbers["moved"], abs=1e-9)

    torch = pytest.importorskip("torch")
    from dropout_utils.torch import EncoderBlock, Rates

    rates = {site: explorable.p * getattr(explorable, site) for site in SITES}
    rng = seeding.generator(explorable.seed, "weights")
    net = EncoderBlock(8, 2, 16, rates=Rates(**rates), generator=rng, dtype=torch.float64)
    x = torch.tensor(found["x"], dtype=torch.float64).reshape(1, 6, 8)
    if "embedding" in masks:
        x = x * torch.from_numpy(masks["embedding"]) / (1 - explorable.p)
    given = {part: mask[None] for part, mask in masks.items() if part != "embedding"}
    with torch.no_grad():
        assert np.allclose(net(x, masks=given)[0], output, atol=1e-6)
