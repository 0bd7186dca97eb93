"""A live JupyterLab: what a reader moves in the page shows in Python, and the other way round."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest

from dropout_utils import explorables
from dropout_utils.explorables import _assemble

pytest.importorskip("anywidget")
pytest.importorskip("jupyterlab")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
ALL = [getattr(explorables, name) for name in explorables.__all__ if name != "Explorable"]
TOKEN = "for-this-test-only"
# For each explorable: a slider and its setting, where one key leads, what Python sets then, a result.
DRIVEN = {
    "Playground": ("drop rate p", "p", 0.05, 0.7, "train_loss"),
    "MaskAndGradients": ("input x1", "x1", 1.1, -1.0, "loss"),
    "SubNetworks": ("hidden units n", "n", 13, 5, "arithmetic"),
    "Scaling": ("drop rate p", "p", 0.45, 0.1, "training_mean"),
    "AttentionSites": ("drop rate p", "p", 0.15, 0.5, "moved"),
    "RateMap": ("units per layer", "width", 1, 0, "best_value"),
    "FeatureMap": ("side of a block", "block", 6, 3, "dropped"),
    "Uncertainty": ("masks k", "k", 52, 100, "near"),
}
CELLS = [
    *(f"from dropout_utils.explorables import {name}\n{name.lower()} = {name}()\n{name.lower()}"
      for name in DRIVEN),
    "print('read', " + ", ".join(f"{name.lower()}.{setting}, {name.lower()}.{result} != 0"
                                 for name, (_, setting, _, _, result) in DRIVEN.items()) + ")",
    "\n".join(f"{name.lower()}.{setting} = {value}" for name, (_, setting, _, value, _) in DRIVEN.items()),
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium"),
]


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab with one notebook in it."""
    quiet = {**os.environ, "PYTHONWARNINGS": "ignore", "DROPOUT_UTILS_STATIC": ""}
    command = [sys.executable, "-m", "jupyterlab", f"--IdentityProvider.token={TOKEN}", "--ServerApp.port=0",
               "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={notebook(tmp_path)}",
               "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    with serving(command, tmp_path, quiet) as url:
        yield url


def notebook(folder):
    """Write the notebook, and return its folder."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (folder / "books").mkdir()
    nbformat.write(book, folder / "books" / "live.ipynb")
    return folder / "books"


@contextlib.contextmanager
def serving(command, folder, variables):
    """A Jupyter server that keeps all it writes in a folder: its address."""
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "RUNTIME", "DATA")}
    log = (folder / "log").open("w")
    server = subprocess.Popen([*map(str, command), "--no-browser", "--allow-root"], env={**variables, **own},
                              stdout=log, stderr=log)  # fmt: skip
    try:
        yield address(server, folder / "runtime", folder / "log")
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def address(server, folder, log):
    """Wait until the server has written where it is, and answers."""
    for _ in range(240):
        assert server.poll() is None, log.read_text()[-2000:]
        for path in folder.glob("*server-*.json"):
            try:
                url = json.loads(path.read_text())["url"]
                urllib.request.urlopen(f"{url}api?token={TOKEN}", timeout=5).close()
                return url
            except (OSError, ValueError):
                break
        time.sleep(0.5)
    raise AssertionError(f"the server did not start: {log.read_text()[-2000:]}")


def share_states(url, place, *, cell, text, output, ready):
    """Open the notebook of a server: what the page sets reaches Python, what Python sets the page.

    `cell`, `text`, `output` and `ready` are what the front end calls a code cell, the text in it, an output,
    and a kernel that waits.
    """
    wrong = []
    titles = {cls.__name__: _assemble.assemble(cls.module).split('title:"')[1].split('"')[0] for cls in ALL}
    assert sorted(DRIVEN) == sorted(titles)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.set_default_timeout(60_000)
        page.route(lambda to: not to.startswith((url, "blob:", "data:", "ws")), lambda route: route.abort())
        page.on("pageerror", lambda error: wrong.append(str(error)[:200]))
        page.goto(f"{url}{place}/live.ipynb?token={TOKEN}")
        cells = page.locator(cell)
        cells.first.locator(text).click()
        page.locator(ready).wait_for()
        frames = {name: page.locator(f'{output} .du-x[aria-label="{titles[name]}"]') for name in DRIVEN}
        for frame in frames.values():
            page.keyboard.press("Shift+Enter")  # runs the cell, and goes on to the next one
            frame.wait_for()
        assert page.locator(".du-explorable").count() == 0, "the live views, not the static forms"
        for name, (label, _, moved, _, _) in DRIVEN.items():
            slider = frames[name].get_by_label(label)
            key = "ArrowLeft" if slider.evaluate("e => e.value === e.max") else "ArrowRight"
            slider.press(key)
            assert float(slider.input_value()) == moved, name
            assert frames[name].get_by_role("button", name="Copy link").count() == 0
        page.wait_for_timeout(500)  # results go to Python four times a second
        cells.nth(len(DRIVEN)).locator(text).click()
        page.keyboard.press("Shift+Enter")
        read = " ".join(f"{moved} True" for _, _, moved, _, _ in DRIVEN.values())
        page.get_by_text(f"read {read}").wait_for()
        page.keyboard.press("Shift+Enter")  # Python sets them all
        for name, (label, _, _, value, _) in DRIVEN.items():
            slider = frames[name].get_by_label(label)
            sync_api.expect(slider).to_have_value(f"{value:g}", timeout=10_000)
        browser.close()
    assert wrong == []


def test_page_and_python_share_the_state_of_all_explorables_in_jupyterlab(lab):
    share_states(lab, "doc/tree", cell=".jp-Notebook .jp-CodeCell", text=".cm-content",
                 output=".jp-OutputArea", ready="text='Python 3 (ipykernel) | Idle'")  # fmt: skip
