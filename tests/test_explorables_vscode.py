"""VS Code's output frame: the stored form of every explorable computes there, from keys that are its own.

`make vscode` runs this. It fetches the web edition of VS Code (`code-server`, with its notebooks and their
renderers) and the Node.js that this asks for from npm into `_build/vscode`: half a gigabyte, once.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import time
import urllib.parse
from pathlib import Path

import nbformat
import pytest

from dropout_utils import data, exercises, explorables, seeding
from dropout_utils import numpy as du

ROOT = Path(__file__).resolve().parent.parent
VERSION = os.environ.get("VSCODE", "")  # of code-server, such as 4.139.1, or latest
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-sync", "--disable-component-update", "--disable-dev-shm-usage"]  # fmt: skip
ALL = [getattr(explorables, name) for name in explorables.__all__ if name != "Explorable"]
SETTINGS = {
    "workbench.startupEditor": "none",
    "workbench.editorAssociations": {"*.ipynb": "jupyter-notebook"},
    "window.autoDetectColorScheme": True,
    "telemetry.telemetryLevel": "off",
    "chat.disableAIFeatures": True,
    "extensions.autoCheckUpdates": False,
    "git.enabled": False,
}
LATE = 240_000  # milliseconds: VS Code starts in ten seconds, on a busy machine in minutes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not VERSION, reason="make vscode runs this: it fetches VS Code"),
]


def run(command, folder, **variables):
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True,
                          env={**os.environ, **variables})  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stdout[-500:]} {done.stderr[-1500:]}"
    return done.stdout


def fetched():
    """The command that serves VS Code, fetched where it is not there yet."""
    place = ROOT / "_build" / "vscode" / VERSION
    code, node = place / "package" / "lib" / "vscode", place / "node_modules" / "node" / "bin" / "node"
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        archive = run(["npm", "pack", "--silent", f"code-server@{VERSION}"], place).split()[-1]
        with tarfile.open(place / archive) as packed:
            packed.extractall(place, filter="data")
        (place / archive).unlink()
        wanted = json.loads((place / "package" / "package.json").read_text("utf-8"))["engines"]["node"]
        run(["npm", "install", "--no-audit", "--no-fund", "--prefix", place, f"node@{wanted}"], place)
        # Parts in C++ stay unbuilt (a terminal and the like). One must load: it ends a process left alone.
        run(["npm", "install", "--no-audit", "--no-fund", "--omit=dev", "--ignore-scripts"], code)
        watchdog = code / "node_modules" / "@vscode" / "native-watchdog" / "index.js"
        watchdog.write_text("exports.start = () => {};\n", encoding="utf-8")
        (place / "complete").touch()
    return [node, code / "out" / "server-main.js"]


@contextlib.contextmanager
def serving(folder):
    """VS Code on a port of its own, with all it writes in a folder: its address."""
    (folder / "server/data/User").mkdir(parents=True)
    (folder / "server/data/User/settings.json").write_text(json.dumps(SETTINGS), "utf-8")
    command = [*fetched(), "--host", "127.0.0.1", "--port", "0", "--without-connection-token",
               "--accept-server-license-terms", "--disable-telemetry", "--disable-workspace-trust",
               "--reconnection-grace-time", "5", "--server-data-dir", folder / "server"]  # fmt: skip
    log = folder / "log"
    with log.open("w") as out:
        server = subprocess.Popen(list(map(str, command)), stdout=out, stderr=out, start_new_session=True)
    try:
        for _ in range(240):
            assert server.poll() is None, log.read_text()[-2000:]
            if bound := re.search(r"Server bound to (127\.0\.0\.1:\d+)", log.read_text()):
                break
            time.sleep(0.5)
        assert bound, log.read_text()[-2000:]
        yield f"http://{bound[1]}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def notebook(folder):
    """A notebook with the stored form of every explorable, and a quiz; no kernel will run it."""
    quiz = exercises.quiz("mechanism")
    bundles = [cls()._repr_mimebundle_()[0] for cls in ALL]
    bundles.append({"text/html": quiz._repr_html_(), "text/plain": repr(quiz)})
    outputs = [nbformat.v4.new_output("display_data", bundle) for bundle in bundles]
    cells = [nbformat.v4.new_code_cell("0", outputs=[output]) for output in outputs]
    folder.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "book.ipynb")
    return folder


@pytest.fixture(scope="module")
def vscode(tmp_path_factory):
    """The page of VS Code, and the frame of a notebook's outputs in it."""
    sync_api = pytest.importorskip("playwright.sync_api")
    assert CHROMIUM, "no Chromium is installed: apt-get install chromium"
    folder = tmp_path_factory.mktemp("vscode")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DROPOUT_UTILS_STATIC", "1")
        book = notebook(folder / "book")
    with serving(folder) as url, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        # so high that VS Code, which shows the cells in view only, shows all of them
        page = browser.new_page(viewport={"width": 1300, "height": 8000}, color_scheme="dark")
        page.set_default_timeout(LATE)
        page.route(lambda to: not to.startswith((url, "blob:", "data:", "ws")), lambda route: route.abort())
        opening = json.dumps([["openFile", f"vscode-remote://remote{book}/book.ipynb"]])
        page.goto(f"{url}/?folder={book}&payload={urllib.parse.quote(opening)}", wait_until="commit")
        outputs = page.frame_locator("iframe.webview").frame_locator("iframe#active-frame")
        outputs.locator(".du-explorable").first.wait_for(state="attached")
        page.set_default_timeout(60_000)
        yield page, outputs
        browser.close()


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_it_computes_in_the_output_frame_of_vscode_and_keeps_its_keys(cls, vscode):
    page, outputs = vscode
    host = outputs.locator(f"[data-explorable={cls.module}]")
    frame = host.locator(".du-x")
    frame.wait_for()
    sliders = frame.locator("input[type=range]")
    sliders.first.click()
    here = page.locator(".statusbar-item", has_text=f"Cell {ALL.index(cls) + 1} of {len(ALL) + 1}").first
    here.wait_for()  # the bar at the bottom says, a little late, which cell is selected
    for i in range(sliders.count()):
        slider = sliders.nth(i)
        slider.focus()
        up = slider.evaluate("e => e.value !== e.max")
        said = slider.get_attribute("aria-valuetext")
        page.keyboard.press("ArrowUp" if up else "ArrowDown")
        page.wait_for_timeout(300)  # a key goes to the frame around it in a message
        assert slider.get_attribute("aria-valuetext") != said
        assert slider.evaluate("e => e === document.activeElement")
    page.wait_for_timeout(700)
    assert here.is_visible(), "no key selected another cell"
    assert host.locator("[role=alert]").all_inner_texts() == [""]
    assert frame.get_by_role("button", name="Copy link").count() == 0
    fits = "e => { const o = e.closest('.output'); return o.scrollHeight - o.clientHeight; }"
    assert host.evaluate(fits) <= 1, "it is shown in full"


def test_the_playground_trains_there_what_the_package_trains(vscode):
    page, outputs = vscode
    host = outputs.locator("[data-explorable=playground]")
    host.locator(".du-x").wait_for()
    run = {"p": 0.5, "width": 32, "weight_decay": 0.001, "points": 100, "noise": 0.3, "seed": 3}
    set_all = "(e, run) => Object.entries(run).forEach(([key, value]) => e.model.set(key, value))"
    host.evaluate(set_all, run)
    one = host.get_by_role("button", name="One step")
    one.focus()
    for key in ("Enter", "Space", "Enter"):
        page.keyboard.press(key)
    page.wait_for_timeout(300)
    found = {name: host.evaluate("(e, name) => e.model.get(name)", name) for name in ("step", "train_loss")}
    net, _ = explorables.Playground(p=0.5, weight_decay=0.001, seed=3).run(3)
    points = data.moons(100, 400, 0.3, rng=seeding.generator(3, "data"))
    loss, _ = du.softmax_cross_entropy(net.predict(points.x_train), points.y_train)
    assert found == {"step": 3, "train_loss": pytest.approx(loss, abs=1e-6)}


def test_a_quiz_answers_there(vscode):
    _, outputs = vscode
    question = outputs.locator(".book-quiz fieldset").first
    question.locator("input[type=radio]").first.check()
    question.locator(".reply p").first.wait_for()
