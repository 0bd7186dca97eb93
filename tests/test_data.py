"""Data sets: one frozen form, reproducible draws, and one clear end for every bad download."""

import dataclasses
import errno
import gzip
import hashlib
import http.server
import os
import pickle
import random
import socket
import struct
import subprocess
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dropout_utils import data


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """A folder in which MNIST-1D has been generated, since that takes seconds."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DROPOUT_UTILS_DATA", str(folder))
        data.mnist1d()
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DROPOUT_UTILS_DATA", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


def small(n=30, task="classification"):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 3))
    y = np.arange(n) % 3 if task == "classification" else x[:, :1]
    return data.Dataset("small", x, y, x[:6], y[:6], task)


# ---------------------------------------------------------------------------------------------------
# The form
# ---------------------------------------------------------------------------------------------------


def test_a_dataset_cannot_be_changed():
    d = small()
    with pytest.raises(dataclasses.FrozenInstanceError):
        d.name = "other"
    for name in ("x_train", "y_train", "x_test", "y_test"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(d, name)[0] = 0


def test_a_dataset_does_not_freeze_the_arrays_it_was_given():
    x, y = np.zeros((4, 2), dtype=np.float32), np.zeros(4, dtype=np.int64)
    d = data.Dataset("zeros", x, y, x, y, "classification")
    x[0, 0] = 1
    assert d.x_train[0, 0] == 0


def test_a_dataset_stays_frozen_through_a_pickle():
    d = pickle.loads(pickle.dumps(small()))
    assert not d.x_train.flags.writeable
    np.testing.assert_array_equal(d.x_train, small().x_train)


def test_dtypes_are_float32_and_int64():
    d = small()
    assert (d.x_train.dtype, d.y_train.dtype) == (np.float32, np.int64)
    r = small(task="regression")
    assert (r.y_train.dtype, r.y_train.shape) == (np.float32, (30, 1))


def test_outputs_counts_classes_or_target_columns():
    assert (small().features, small().outputs) == (3, 3)
    assert small(task="regression").outputs == 1


GOOD = {
    "name": "a",
    "x_train": np.zeros((4, 2)),
    "y_train": np.zeros(4, dtype=int),
    "x_test": np.zeros((3, 2)),
    "y_test": np.zeros(3, dtype=int),
    "task": "classification",
}


@pytest.mark.parametrize(
    ("change", "error", "named"),
    [
        ({"name": 3}, TypeError, "name"),
        ({"task": "ranking"}, ValueError, "task"),
        ({"x_train": np.zeros((4, 2), dtype=int)}, TypeError, "x_train"),
        ({"x_train": np.zeros(4)}, ValueError, "x_train"),
        ({"x_train": np.full((4, 2), np.nan)}, ValueError, "x_train"),
        ({"x_test": np.zeros((3, 5))}, ValueError, "x_test"),
        ({"y_train": np.zeros(4)}, TypeError, "y_train"),
        ({"y_train": np.zeros((4, 1), dtype=int)}, ValueError, "y_train"),
        ({"y_train": np.array([0, 1, -1, 0])}, ValueError, "y_train"),
        ({"y_test": np.zeros(2, dtype=int)}, ValueError, "y_test"),
        ({"x_train": np.zeros((0, 2)), "y_train": np.zeros(0, dtype=int)}, ValueError, "x_train"),
        ({"x_validation": np.zeros((3, 2))}, ValueError, "x_validation"),
        ({"task": "regression"}, TypeError, "y_train"),
    ],
)
def test_a_bad_part_is_named(change, error, named):
    with pytest.raises(error, match=named):
        data.Dataset(**{**GOOD, **change})


# ---------------------------------------------------------------------------------------------------
# Drawing from it
# ---------------------------------------------------------------------------------------------------


@given(st.integers(1, 30), st.integers(1, 30))
def test_subsets_from_the_same_state_are_nested(m, n):
    m, n = sorted((m, n))
    less, more = (small().subset(k, np.random.default_rng(1)) for k in (m, n))
    np.testing.assert_array_equal(less.x_train, more.x_train[:m])
    np.testing.assert_array_equal(less.y_train, more.y_train[:m])


@given(st.integers(1, 29), st.integers(0, 5))
def test_a_validation_split_loses_no_example(size, seed):
    d = small().split_validation(size, np.random.default_rng(seed))
    assert len(d.x_validation) == size
    both = np.concatenate([d.x_train, d.x_validation])
    np.testing.assert_array_equal(np.sort(both, axis=0), np.sort(small().x_train, axis=0))


def test_a_validation_split_is_stratified():
    d = small(300).split_validation(0.2, np.random.default_rng(0))
    assert np.abs(np.bincount(d.y_validation) - 20).max() <= 1


def test_a_second_validation_split_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="validation"):
        small().split_validation(5, rng).split_validation(5, rng)


@given(st.floats(0, 1), st.integers(0, 9))
def test_label_noise_keeps_the_count_of_every_label(fraction, seed):
    labels = np.arange(200) % 10
    noisy = data.shuffle_labels(labels, fraction, np.random.default_rng(seed))
    np.testing.assert_array_equal(np.sort(noisy), np.sort(labels))
    assert (noisy != labels).sum() <= round(fraction * 200)


def test_label_noise_changes_nine_tenths_of_what_it_shuffles():
    # 10,000 of 20,000 shuffled: mean 9,000, standard deviation below 32. |z| < 5: false alarm below 1e-6.
    labels = np.arange(20_000) % 10
    noisy = data.shuffle_labels(labels, 0.5, np.random.default_rng(0))
    assert abs((noisy != labels).sum() - 9000) < 5 * 32


def test_label_noise_leaves_the_test_labels_alone():
    d = small().with_label_noise(1.0, np.random.default_rng(0))
    np.testing.assert_array_equal(d.y_test, small().y_test)
    assert (d.y_train != small().y_train).any()


@pytest.mark.parametrize(
    ("call", "error", "named"),
    [
        (lambda d, rng: d.subset(31, rng), ValueError, "n"),
        (lambda d, rng: d.subset(2.0, rng), TypeError, "n"),
        (lambda d, rng: d.subset(2, 0), TypeError, "rng"),
        (lambda d, rng: d.split_validation(30, rng), ValueError, "size"),
        (lambda d, rng: d.split_validation(1.0, rng), ValueError, "size"),
        (lambda d, rng: d.with_label_noise(1.1, rng), ValueError, "fraction"),
        (lambda d, rng: data.moons(10, 10, -1.0, rng=rng), ValueError, "noise"),
        (lambda d, rng: data.moons(0, 10, rng=rng), ValueError, "n_train"),
        (lambda d, rng: data.moons(10, 10, rng=1), TypeError, "rng"),
        (lambda d, rng: data.regression20(3), TypeError, "rng"),
        (lambda d, rng: data.regression20(rng, noise=float("nan")), ValueError, "noise"),
        (lambda d, rng: data.mnist1d(-1), ValueError, "seed"),
    ],
)
def test_a_bad_argument_is_named(call, error, named):
    with pytest.raises(error, match=named):
        call(small(), np.random.default_rng(0))


# ---------------------------------------------------------------------------------------------------
# The sets
# ---------------------------------------------------------------------------------------------------


def test_moons_without_noise_lie_on_two_half_circles():
    d = data.moons(101, 50, 0.0, rng=np.random.default_rng(0))
    centre = np.where(d.y_train[:, None] == 0, [0.0, 0.0], [1.0, 0.5])
    np.testing.assert_allclose(np.linalg.norm(d.x_train - centre, axis=1), 1, atol=1e-6)
    assert sorted(np.bincount(d.y_train)) == [50, 51]


def test_regression20_is_the_identity_plus_noise():
    # 40,000 draws: the standard deviation of the mean is 0.0015 and of the spread 0.0011; 5 sigma.
    rng = np.random.default_rng(0)
    sets = [data.regression20(rng) for _ in range(1000)]
    noise = np.concatenate([np.concatenate([d.y_train - d.x_train, d.y_test - d.x_test]) for d in sets])
    assert abs(noise.mean()) < 0.0075
    assert abs(noise.std() - 0.3) < 0.0055
    np.testing.assert_array_equal(sets[0].x_train, sets[0].x_test)


def test_digits_are_the_same_every_time_and_stratified():
    d = data.digits()
    assert (len(d.x_train), len(d.x_test), d.features, d.outputs) == (1437, 360, 64, 10)
    assert (d.x_train.min(), d.x_train.max()) == (0, 1)
    assert np.abs(np.bincount(d.y_test) - np.bincount(d.y_train) / 4).max() < 1.5
    assert hashlib.sha256(d.y_test.tobytes()).hexdigest()[:16] == "abbf2c5256b911aa"


def test_mnist1d_is_the_published_set(made_once, monkeypatch):
    monkeypatch.setenv("DROPOUT_UTILS_DATA", str(made_once))
    d = data.mnist1d()
    assert (d.x_train.shape, d.x_test.shape, d.outputs) == ((4000, 40), (1000, 40), 10)
    assert hashlib.sha256(d.y_train.tobytes()).hexdigest()[:16] == "d97dc7aecec8ad6b"
    both = np.concatenate([d.x_train, d.x_test])
    assert abs(both.mean()) < 1e-5
    assert abs(both.std() - 1) < 1e-5


def test_mnist1d_leaves_global_random_states_alone(folder):
    random.seed(5)
    np.random.seed(5)
    python, numpy = random.getstate(), np.random.get_state()[1].copy()
    data.mnist1d(seed=1)
    assert random.getstate() == python
    np.testing.assert_array_equal(np.random.get_state()[1], numpy)


def test_mnist1d_is_generated_once(made_once, monkeypatch):
    monkeypatch.setenv("DROPOUT_UTILS_DATA", str(made_once))
    monkeypatch.setattr(data, "_generate_mnist1d", lambda seed: pytest.fail("generated again"))
    data.mnist1d()


@pytest.mark.parametrize("keep", [0, 100, -100])
def test_a_damaged_mnist1d_file_is_made_again(made_once, folder, monkeypatch, keep):
    whole = (made_once / "mnist1d" / "mnist1d-42.npz").read_bytes()
    target = folder / "mnist1d" / "mnist1d-42.npz"
    target.parent.mkdir()
    target.write_bytes(whole[:keep])
    parts = data._read_npz(
        made_once / "mnist1d" / "mnist1d-42.npz", ("x_train", "y_train", "x_test", "y_test")
    )
    monkeypatch.setattr(data, "_generate_mnist1d", lambda seed: parts)
    data.mnist1d()
    assert target.read_bytes() == whole


def test_a_flipped_bit_in_the_mnist1d_file_is_noticed(made_once, tmp_path):
    content = bytearray((made_once / "mnist1d" / "mnist1d-42.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "a.npz").write_bytes(content)
    assert data._read_npz(tmp_path / "a.npz", ("x_train",)) is None


def test_mnist1d_works_where_nothing_can_be_stored(made_once, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("DROPOUT_UTILS_DATA", str(tmp_path / "file"))
    parts = data._read_npz(
        made_once / "mnist1d" / "mnist1d-42.npz", ("x_train", "y_train", "x_test", "y_test")
    )
    monkeypatch.setattr(data, "_generate_mnist1d", lambda seed: parts)
    assert len(data.mnist1d().x_train) == 4000


def test_importing_data_is_cheap():
    code = (
        "import sys; from dropout_utils import data; heavy = 'torch matplotlib sklearn scipy pooch'; "
        "print([name for name in heavy.split() if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ---------------------------------------------------------------------------------------------------
# Downloads, from a server on this machine
# ---------------------------------------------------------------------------------------------------


def idx(array):
    array = np.asarray(array, dtype=np.uint8)
    return struct.pack(f">HBB{array.ndim}i", 0, 8, array.ndim, *array.shape) + array.tobytes()


CONTENT = {
    "train-images-idx3-ubyte.gz": idx(np.arange(5 * 28 * 28).reshape(5, 28, 28) % 256),
    "train-labels-idx1-ubyte.gz": idx([0, 1, 2, 3, 4]),
    "t10k-images-idx3-ubyte.gz": idx(np.zeros((3, 28, 28))),
    "t10k-labels-idx1-ubyte.gz": idx([4, 3, 2]),
}
PACKED = {name: gzip.compress(content, mtime=0) for name, content in CONTENT.items()}


@contextmanager
def serving(answer):
    """A server on this machine; `answer(handler, packed)` sends what a request for a file gets."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            answer(self, PACKED[self.path.rpartition("/")[2]])

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/mnist/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(handler, body, length=None, status=200):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


def whole(handler, packed):
    send(handler, packed)


def truncated(handler, packed):
    send(handler, packed[: len(packed) // 2])


def breaks_off(handler, packed):
    send(handler, packed[: len(packed) // 2], length=len(packed))


def corrupted(handler, packed):
    send(handler, packed[:20] + bytes([packed[20] ^ 255]) + packed[21:])


def another_file(handler, packed):
    send(handler, gzip.compress(b"<html>Please log in to this network</html>"))


def a_login_page(handler, packed):
    send(handler, b"<html>Please log in to this network</html>")


def missing(handler, packed):
    send(handler, b"", status=404)


def dies(handler, packed):
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def never_answers(handler, packed):
    threading.Event().wait(0.6)


@pytest.fixture
def toy_mnist(folder, monkeypatch):
    """MNIST in miniature: eight images, with their own checksums."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
    monkeypatch.setattr(data, "_MNIST_FILES", digests)
    monkeypatch.setattr(data, "_TIMEOUT", (0.3, 0.3))
    return folder / "mnist"


def use(monkeypatch, *mirrors):
    monkeypatch.setattr(data, "MNIST_MIRRORS", mirrors)


def closed_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"


def check_content(d):
    assert (d.x_train.shape, d.x_test.shape) == ((5, 784), (3, 784))
    assert d.x_train[0, 255] == 1
    assert d.y_test.tolist() == [4, 3, 2]


def one_clear_sentence(error):
    text = str(error.value)
    assert "DROPOUT_UTILS_DATA" in text
    assert "\n" not in text
    assert len(text) < 500


def test_mnist_is_downloaded_once_and_then_read_offline(toy_mnist, monkeypatch, capfd):
    with serving(whole) as address:
        use(monkeypatch, address)
        check_content(data.mnist())
    check_content(data.mnist())
    assert sorted(file.name for file in toy_mnist.iterdir()) == sorted(CONTENT)
    assert capfd.readouterr() == ("", "")


def test_mnist_packed_in_another_way_is_accepted(toy_mnist, monkeypatch):
    with serving(lambda handler, packed: send(handler, gzip.compress(gzip.decompress(packed), 1))) as address:
        use(monkeypatch, address)
        check_content(data.mnist())


def test_files_put_there_by_hand_are_used(toy_mnist, monkeypatch):
    use(monkeypatch, closed_port())
    toy_mnist.mkdir()
    for name, packed in PACKED.items():
        (toy_mnist / name).write_bytes(packed)
    check_content(data.mnist())


@pytest.mark.parametrize(
    "bad", [truncated, breaks_off, corrupted, another_file, a_login_page, missing, dies, never_answers]
)
def test_a_bad_download_says_so_and_leaves_nothing(toy_mnist, monkeypatch, bad):
    with serving(bad) as address:
        use(monkeypatch, address)
        with pytest.raises(data.DataError, match="could not be downloaded") as error:
            data.mnist()
    one_clear_sentence(error)
    assert list(toy_mnist.iterdir()) == []


@pytest.mark.parametrize("bad", [truncated, breaks_off, corrupted, another_file, a_login_page, missing, dies])
def test_the_next_mirror_is_asked_after_a_bad_one(toy_mnist, monkeypatch, bad):
    with serving(bad) as first, serving(whole) as second:
        use(monkeypatch, first, second)
        check_content(data.mnist())


def test_offline_says_so_and_leaves_nothing(toy_mnist, monkeypatch):
    use(monkeypatch, closed_port())
    with pytest.raises(data.DataError, match="no connection") as error:
        data.mnist()
    one_clear_sentence(error)
    assert list(toy_mnist.iterdir()) == []


@pytest.mark.parametrize(
    "damage", [lambda b: b"", lambda b: b[:40], lambda b: b[:-1], lambda b: b"x" + b[1:]]
)
def test_a_broken_file_in_the_folder_is_replaced(toy_mnist, monkeypatch, damage):
    name = "train-images-idx3-ubyte.gz"
    toy_mnist.mkdir()
    (toy_mnist / name).write_bytes(damage(PACKED[name]))
    with serving(whole) as address:
        use(monkeypatch, address)
        check_content(data.mnist())
    assert (toy_mnist / name).read_bytes() == PACKED[name]


def test_a_broken_file_does_not_stay_when_offline(toy_mnist, monkeypatch):
    use(monkeypatch, closed_port())
    toy_mnist.mkdir()
    (toy_mnist / "train-images-idx3-ubyte.gz").write_bytes(b"half a file")
    with pytest.raises(data.DataError):
        data.mnist()
    assert list(toy_mnist.iterdir()) == []


@pytest.mark.parametrize(("number", "said"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "Read-only")])
def test_a_disk_that_takes_no_more_says_so_and_leaves_nothing(toy_mnist, monkeypatch, number, said):
    import pooch

    def fails(self, address, target, source):
        with open(target, "wb") as stream:
            stream.write(b"the first half")
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", fails)
    with pytest.raises(data.DataError, match=said) as error:
        data.mnist()
    one_clear_sentence(error)
    assert list(toy_mnist.iterdir()) == []


def test_a_folder_that_cannot_be_made_says_so(toy_mnist, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("DROPOUT_UTILS_DATA", str(tmp_path / "file"))
    with serving(whole) as address:
        use(monkeypatch, address)
        with pytest.raises(data.DataError, match="cannot be stored") as error:
            data.mnist()
    one_clear_sentence(error)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_says_so(toy_mnist, monkeypatch):
    toy_mnist.mkdir(mode=0o500)
    with serving(whole) as address:
        use(monkeypatch, address)
        with pytest.raises(data.DataError, match="cannot be stored") as error:
            data.mnist()
    one_clear_sentence(error)


def test_an_unreadable_file_says_so(toy_mnist):
    (toy_mnist / "train-images-idx3-ubyte.gz").mkdir(parents=True)
    with pytest.raises(data.DataError, match="cannot be read") as error:
        data.mnist()
    one_clear_sentence(error)


def test_the_real_mnist_where_it_is_at_hand():
    files = [data.data_folder() / "mnist" / name for name in data._MNIST_FILES]
    if not all(file.exists() for file in files):
        pytest.skip("MNIST is not in the data folder")
    d = data.mnist()
    assert (d.x_train.shape, d.x_test.shape, d.outputs) == ((60_000, 784), (10_000, 784), 10)
    assert np.bincount(d.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


# --------------------------------------------------------------------------- one text, not packed
PLAY = b"First Citizen:\nBefore we proceed any further, hear me speak.\n" * 20


@pytest.fixture
def toy_play(folder, monkeypatch):
    """Tiny Shakespeare, tinier: with its own checksum, offered by the server of the MNIST tests."""
    monkeypatch.setattr(data, "_TINY_SHAKESPEARE", hashlib.sha256(PLAY).hexdigest())
    monkeypatch.setattr(data, "_TIMEOUT", (0.3, 0.3))
    monkeypatch.setitem(PACKED, "input.txt", PLAY)
    return folder / "tinyshakespeare" / "input.txt"


def test_the_play_is_downloaded_once_and_then_read_offline(toy_play, monkeypatch, capfd):
    with serving(whole) as address:
        monkeypatch.setattr(data, "TINY_SHAKESPEARE_MIRRORS", (address,))
        assert data.tiny_shakespeare() == PLAY.decode()
    assert data.tiny_shakespeare() == PLAY.decode()
    assert toy_play.read_bytes() == PLAY and len(list(toy_play.parent.iterdir())) == 1
    assert capfd.readouterr() == ("", "")


def test_a_play_put_there_by_hand_is_used(toy_play, monkeypatch):
    monkeypatch.setattr(data, "TINY_SHAKESPEARE_MIRRORS", (closed_port(),))
    toy_play.parent.mkdir()
    toy_play.write_bytes(PLAY)
    assert data.tiny_shakespeare() == PLAY.decode()


@pytest.mark.parametrize("bad", [truncated, breaks_off, corrupted, a_login_page, missing, dies])
def test_a_bad_download_of_the_play_says_so_and_leaves_nothing(toy_play, monkeypatch, bad):
    with serving(bad) as address:
        monkeypatch.setattr(data, "TINY_SHAKESPEARE_MIRRORS", (address,))
        with pytest.raises(data.DataError, match="could not be downloaded") as error:
            data.tiny_shakespeare()
    one_clear_sentence(error)
    assert list(toy_play.parent.iterdir()) == []


def test_a_play_with_a_changed_letter_is_fetched_again(toy_play, monkeypatch):
    toy_play.parent.mkdir()
    toy_play.write_bytes(PLAY.replace(b"speak", b"sleep"))
    with serving(whole) as address:
        monkeypatch.setattr(data, "TINY_SHAKESPEARE_MIRRORS", (address,))
        assert data.tiny_shakespeare() == PLAY.decode()


def test_the_play_offline_says_so_and_leaves_nothing(toy_play, monkeypatch):
    monkeypatch.setattr(data, "TINY_SHAKESPEARE_MIRRORS", (closed_port(),))
    with pytest.raises(data.DataError, match="no connection") as error:
        data.tiny_shakespeare()
    one_clear_sentence(error)
    assert list(toy_play.parent.iterdir()) == []


def test_the_real_play_where_it_is_at_hand():
    if not (data.data_folder() / "tinyshakespeare" / "input.txt").exists():
        pytest.skip("Tiny Shakespeare is not in the data folder")
    text = data.tiny_shakespeare()
    assert (len(text), len(set(text)), text[:14]) == (1_115_394, 65, "First Citizen:")


def test_the_data_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("DROPOUT_UTILS_DATA", str(tmp_path / "here"))
    assert data.data_folder() == tmp_path / "here"
    monkeypatch.delenv("DROPOUT_UTILS_DATA")
    assert data.data_folder().name == "dropout-utils"


# ---------------------------------------------------------------------------------------------------
# Published splits of UCI sets, of which a tiny one in the same layout is made here
# ---------------------------------------------------------------------------------------------------


@pytest.fixture
def toy(folder):
    """Twelve examples, two features around a column that is none, the target last; two splits."""
    place = folder / "uci" / "toy"
    place.mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = rng.normal(5, 3, size=(12, 4))
    rows[:, 2] = 7  # a constant feature
    files = {"data": rows, "index_features": [0, 2], "index_target": [3], "n_hidden": [50], "n_epochs": [40]}
    for k, order in enumerate((np.arange(12), rng.permutation(12))):
        files |= {f"index_train_{k}": order[:9], f"index_test_{k}": order[9:].astype(float)}
    for name, values in files.items():
        np.savetxt(place / f"{name}.txt", values, fmt="%d" if name.startswith("n_") else "%.6g")
    return place, np.loadtxt(place / "data.txt")


def test_a_published_split_has_its_rows_its_columns_and_its_settings(toy):
    _, rows = toy
    d = data.uci("toy")
    assert d.task == "regression" and d.x_train.shape == (9, 2) and d.x_test.shape == (3, 2)
    assert (d.split, d.splits, d.hidden, d.epochs) == (0, 2, 50, 40)
    y = np.concatenate([d.y_train, d.y_test]) * d.target_std + d.target_mean
    np.testing.assert_allclose(y[:, 0], rows[:, 3], rtol=1e-5)


def test_a_published_split_is_normalised_by_its_training_rows_alone(toy):
    place, rows = toy
    d = data.uci("toy")
    np.testing.assert_allclose(d.x_train[:, 0].mean(), 0, atol=1e-6)
    np.testing.assert_allclose(d.x_train[:, 0].std(), 1, atol=1e-6)
    assert (d.x_train[:, 1] == 0).all()  # constant: shifted, not divided by zero
    np.testing.assert_allclose(d.y_train.mean(), 0, atol=1e-6)
    rows[9:] *= 1000  # test rows only
    np.savetxt(place / "data.txt", rows, fmt="%.6g")
    other = data.uci("toy")
    assert np.array_equal(d.x_train, other.x_train) and np.array_equal(d.y_train, other.y_train)


def test_another_split_has_other_rows(toy):
    assert not np.array_equal(data.uci("toy").y_test, data.uci("toy", 1).y_test)


def test_a_split_moves_examples_to_validation_and_keeps_its_scale(toy):
    d = data.uci("toy").split_validation(3, np.random.default_rng(0))
    assert len(d.x_train) == 6 and len(d.x_validation) == 3 and d.target_std == data.uci("toy").target_std


def test_a_missing_set_says_what_to_put_where(folder):
    with pytest.raises(data.DataError, match=r"'yacht' is not there: put its folder.*uci.yacht"):
        data.uci("yacht")


def test_a_missing_split_says_which_files_it_needs(toy):
    with pytest.raises(
        data.DataError, match=r"needs index_train_2.txt and index_test_2.txt; it holds 2 splits"
    ):
        data.uci("toy", 2)


BROKEN = {
    "data.txt": ["", "1 2 x", "1 2 3 nan", "1 2 3\n1 2"],
    "index_features.txt": ["0 4", "-1", "0.5", "0 0", ""],
    "index_target.txt": ["0", "1 3", "9"],
    "index_train_0.txt": ["99", "0 1 11"],
    "index_test_0.txt": ["0", "a"],
}


@pytest.mark.parametrize(("file", "text"), [(file, text) for file, texts in BROKEN.items() for text in texts])
def test_a_damaged_file_of_a_published_split_is_a_DataError(toy, file, text):
    (toy[0] / file).write_text(text)
    with pytest.raises(data.DataError):
        data.uci("toy")


@pytest.mark.parametrize("file", ["index_features.txt", "index_target.txt", "index_test_0.txt"])
def test_a_missing_file_of_a_published_split_is_named(toy, file):
    (toy[0] / file).unlink()
    with pytest.raises(data.DataError, match=f"{file} is missing"):
        data.uci("toy")


def test_the_published_settings_may_be_absent(toy):
    (toy[0] / "n_hidden.txt").unlink()
    assert data.uci("toy").hidden is None


@pytest.mark.parametrize("name", ["../uci/toy", "a/b", ".", ".."])
def test_a_path_is_no_name_of_a_set(toy, name):
    with pytest.raises(ValueError, match="name must be the name of a folder"):
        data.uci(name)


@pytest.mark.parametrize(("name", "split"), [(3, 0), ("", 0), ("toy", -1), ("toy", 1.5), ("toy", "0")])
def test_a_bad_name_or_split_is_named(toy, name, split):
    with pytest.raises((TypeError, ValueError), match=r"^(name|split) must"):
        data.uci(name, split)
