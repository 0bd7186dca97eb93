"""A live JupyterLab: what a reader moves in the page shows in Python, and the other way round."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest

pytest.importorskip("anywidget")
pytest.importorskip("jupyterlab")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
TOKEN = "for-this-test-only"
CELLS = ["from dropout_utils.explorables import Playground\nw = Playground(p=0.2)\nw",
         "print('read', w.p, w.step > 0)", "w.p = 0.7"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium"),
]


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab with one notebook in it."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    folder = tmp_path / "books"
    folder.mkdir()
    nbformat.write(notebook, folder / "live.ipynb")
    own = {f"JUPYTER_{name}_DIR": str(tmp_path / name.lower()) for name in ("CONFIG", "RUNTIME", "DATA")}
    quiet = {**os.environ, **own, "PYTHONWARNINGS": "ignore", "DROPOUT_UTILS_STATIC": ""}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1", "--allow-root",
               "--ServerApp.port=0", f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}",
               "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    log = (tmp_path / "log").open("w")
    server = subprocess.Popen(command, env=quiet, stdout=log, stderr=log)
    try:
        yield address(server, tmp_path / "runtime", tmp_path / "log")
    finally:
        server.terminate()
        server.wait(30)
        log.close()


def address(server, folder, log):
    """Wait until the server has written where it is, and answers."""
    for _ in range(240):
        assert server.poll() is None, log.read_text()[-2000:]
        for path in folder.glob("jpserver-*.json"):
            try:
                url = json.loads(path.read_text())["url"]
                urllib.request.urlopen(f"{url}api?token={TOKEN}", timeout=5).close()
                return url
            except (OSError, ValueError):
                break
        time.sleep(0.5)
    raise AssertionError(f"JupyterLab did not start: {log.read_text()[-2000:]}")


def test_page_and_python_share_the_state(lab):
    wrong = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.set_default_timeout(60_000)
        page.route(lambda url: not url.startswith((lab, "blob:", "data:", "ws")), lambda route: route.abort())
        page.on("pageerror", lambda error: wrong.append(str(error)[:200]))
        page.goto(f"{lab}doc/tree/live.ipynb?token={TOKEN}")
        cells = page.locator(".jp-Notebook .jp-CodeCell")
        cells.first.locator(".cm-content").click()
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        page.keyboard.press("Shift+Enter")
        frame = page.locator(".jp-OutputArea .du-x")
        frame.wait_for()
        assert page.locator(".du-explorable").count() == 0, "the live view, not the static form"
        slider = frame.get_by_label("drop rate p")
        assert slider.input_value() == "0.2"
        slider.focus()
        page.keyboard.press("ArrowRight")
        frame.get_by_role("button", name="One step").click()
        page.wait_for_timeout(800)
        cells.nth(1).locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        page.get_by_text("read 0.25 True").wait_for()
        page.keyboard.press("Shift+Enter")  # w.p = 0.7
        page.wait_for_function("document.querySelector('.du-x input[type=range]').value === '0.7'")
        assert frame.get_by_role("button", name="Copy link").count() == 0
        browser.close()
    assert wrong == []
