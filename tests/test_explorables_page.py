"""Every explorable in a browser with its network cut: it computes, obeys, keeps to its frame, is for all.

Each is opened from disk, alone on a small page, as `page()` gives it; then once more on the built site where
that is there. Needs Playwright and a Chromium or Chrome that is installed (`apt-get install chromium`).
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from html import escape
from pathlib import Path

import pytest

from dropout_utils import data, explorables, seeding
from dropout_utils import numpy as du

pytest.importorskip("anywidget")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-sync", "--disable-component-update", "--disable-dev-shm-usage"]
ALL = [getattr(explorables, name) for name in explorables.__all__ if name != "Explorable"]
THEMES = {
    "light": "color-scheme:light;background:#fff;color:#222",
    "dark": "color-scheme:dark;background:#121212;color:#ddd",
}
each = pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium"),
    pytest.mark.xdist_group("browser"),
]


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def visit(browser, tmp_path):
    """Open HTML, or a file, in a fresh browser context without a network; nothing may go wrong there."""
    contexts, wrong = [], []

    def visit(body, *, theme="light", width=800, fragment="", **options):
        if isinstance(body, Path):
            path = body
        else:
            path = tmp_path / f"page{len(contexts)}.html"
            path.write_text(f'<!doctype html><html lang="en" data-theme="{theme}"><meta charset="utf-8">'
                            f'<title>One explorable</title><body style="margin:16px;font-family:sans-serif;'
                            f'{THEMES[theme]}"><main><h1>A page</h1>{body}<p>The end.</p></main>', "utf-8")
        screen = {"width": width, "height": 900}
        context = browser.new_context(viewport=screen, color_scheme=theme, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda m: m.type == "error" and wrong.append(f"said: {m.text[:200]}"))
        page.on("pageerror", lambda error: wrong.append(f"script: {str(error)[:200]}"))
        page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url[:120]}"))
        page.on("request", lambda asked: asked.url[:4] == "http" and wrong.append(asked.url[:120]))
        page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(path.as_uri() + fragment, timeout=60_000)  # with all its formulas, on a busy machine
        if isinstance(body, Path) and not fragment:  # an explorable starts when it is near
            page.locator(".du-explorable").first.scroll_into_view_if_needed()
        page.wait_for_selector(".du-x, .du-explorable > [role=alert]")
        page.wait_for_timeout(100)
        return page

    visit.wrong = wrong
    yield visit
    for context in contexts:
        context.close()
    assert wrong == []


_pages = {}


def html(cls, **state):
    """The static form, made once for each state."""
    key = (cls, json.dumps(state, sort_keys=True))
    if key not in _pages:
        _pages[key] = cls(**state).page()
    return _pages[key]


def states(page):
    """The values of all settings and results of the first explorable."""
    return page.evaluate("""(keys) => { const { model } = document.querySelector('.du-explorable');
        return Object.fromEntries(keys.map((key) => [key, model.get(key)])); }""", page.keys)


def opened(visit, cls, *, state=None, **options):
    page = visit(html(cls, **(state or {})), **options)
    page.keys = [*cls.settings(), *cls.results()]
    return page


def eventually(page, found, expected):
    """Assert that `found()` comes to be as expected: drawings and reports come when the machine has time."""
    for _ in range(200):
        if found() == expected:
            break
        page.wait_for_timeout(50)
    assert found() == expected


def reports(page, expected):
    """Assert that the first explorable comes to report these results, to 1e-6."""
    values = pytest.approx(expected, abs=1e-6)
    eventually(page, lambda: {k: v for k, v in states(page).items() if k in expected}, values)


def inward(slider):
    """The key that moves a slider which may stand at its end."""
    return "ArrowLeft" if slider.evaluate("e => e.value === e.max") else "ArrowRight"


# ------------------------------------------------------------------------------ for every explorable


@each
@pytest.mark.parametrize(("theme", "width"), [("light", 360), ("dark", 360), ("dark", 800)])
def test_it_starts_draws_and_fits(cls, theme, width, visit):
    page = opened(visit, cls, theme=theme, width=width)
    assert page.locator(".du-x").count() == 1 and page.locator(".du-x [role=alert]").first.inner_text() == ""
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    blank = page.evaluate("""() => [...document.querySelectorAll('.du-x canvas')].filter((c) =>
        !c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v)).length""")
    assert blank == 0


@each
@pytest.mark.parametrize("width", [360, 800])
def test_the_room_it_reserves_is_the_room_it_takes(cls, width, visit):
    page = opened(visit, cls, width=width)
    height = page.locator(".du-x").first.bounding_box()["height"]
    reserved = cls.room[width > 600]
    assert -40 <= height - reserved <= 2, f"it takes {height:.0f} px, room says {reserved}"


@each
def test_the_page_does_not_jump_while_it_loads(cls, visit):
    page = opened(visit, cls)
    shift = page.evaluate("""() => new Promise((done) => { let sum = 0; new PerformanceObserver((list) =>
        list.getEntries().forEach((e) => (sum += e.value))).observe({ type: 'layout-shift', buffered: true });
        setTimeout(() => done(sum), 300); })""")
    assert shift <= 0.05


@each
def test_every_slider_follows_the_keyboard_and_says_its_value(cls, visit):
    page = opened(visit, cls)
    sliders = page.locator(".du-x input[type=range]")
    for i in range(sliders.count()):
        slider = sliders.nth(i)
        before, said = states(page), slider.get_attribute("aria-valuetext")
        slider.focus()
        assert float(slider.evaluate("e => parseFloat(getComputedStyle(e).outlineWidth)")) >= 2
        page.keyboard.press(inward(slider))
        assert slider.get_attribute("aria-valuetext") != said
        assert states(page) != before


@each
def test_a_negative_number_has_a_minus_and_no_hyphen(cls, visit):
    """In what can be read and in what is drawn: every slider at its lowest, where some are below zero."""
    page = opened(visit, cls)
    page.evaluate("""() => {
        const { fillText } = CanvasRenderingContext2D.prototype;
        window.written = [];
        CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
          written.push(text);
          fillText.call(this, text, ...rest);
        }; }""")
    for slider in page.locator(".du-x input[type=range]").all():
        slider.press("Home")
    page.wait_for_timeout(200)  # the last drawing
    said = page.evaluate("""() => [...document.querySelectorAll('.du-x [aria-label]')].map(
        (e) => `${e.getAttribute('aria-valuetext')} ${e.getAttribute('aria-label')}`)""")
    texts = [page.locator(".du-x").inner_text(), *said, *page.evaluate("written")]
    assert [text for text in texts if re.search(r"(?<![\w-])-\d", text)] == []
    assert [text for text in texts if re.search(r"−0(\.0+)?(?![\d.])", text)] == []


@each
def test_every_slider_follows_the_mouse_and_the_finger(cls, visit):
    page = opened(visit, cls, width=360, has_touch=True)
    sliders = page.locator(".du-x input[type=range]")
    for i in range(sliders.count()):
        slider = sliders.nth(i)
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        for press, share in ((page.mouse.click, 0.9), (page.touchscreen.tap, 0.1)):
            before = slider.get_attribute("aria-valuetext") if share < 0.5 else None
            press(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
            eventually(page, lambda s=slider, b=before: s.get_attribute("aria-valuetext") != b, True)


@each
def test_every_button_and_box_can_be_reached_and_pressed_by_keyboard(cls, visit):
    page = opened(visit, cls)
    controls = page.locator(".du-x :is(button, input, select, [tabindex='0'])")
    for i in range(controls.count()):
        if not controls.nth(i).is_enabled():
            continue
        controls.nth(i).focus()
        page.keyboard.press("Space")
        page.wait_for_timeout(30)
        assert page.locator(".du-x").count() == 1
    assert "has stopped" not in page.locator(".du-x").inner_text()


@each
def test_every_target_is_large_enough_for_a_finger(cls, visit):
    page = opened(visit, cls, width=360)
    small = page.evaluate("""() => {
        const box = (e) => e.getBoundingClientRect();
        return [...document.querySelectorAll('.du-x :is(button, input, select, [tabindex="0"])')]
            .filter((e) => box(e).width && Math.min(box(e).width, box(e).height) < 24)
            .map((e) => e.outerHTML.slice(0, 80)); }""")
    assert small == []


@pytest.fixture(scope="session")
def axe():
    """The text of axe-core, from where npm has put it."""
    given = os.environ.get("AXE")
    path = Path(given) if given else ROOT / "_build" / "axe.min.js"
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="axe-", dir=path.parent))  # two workers may come at once
        if shutil.which("npm") is None:
            pytest.skip("npm is not installed, which would fetch axe-core: apt-get install npm")
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), "axe-core@4"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"npm could not fetch axe-core: {done.stderr.strip().splitlines()[-1:]}")
        (folder / "node_modules" / "axe-core" / "axe.min.js").replace(path)
        shutil.rmtree(folder)
    return path.read_text(encoding="utf-8")


def violations(page, axe, within, only=None):
    """What axe-core finds wrong in a part of a page, by all of its rules or by some."""
    page.evaluate("text => window.axe || (0, eval)(text)", axe)
    options = {"resultTypes": ["violations"], "preload": False, **({"runOnly": only} if only else {})}
    found = page.evaluate("([within, options]) => axe.run(within, options)", [within, options])
    return [f"{rule['id']}: {node['html'][:120]}" for rule in found["violations"] for node in rule["nodes"]]


HOSTILE = [
    "p=NaN", "p=1e999", "p=-7", "p=", "p=0.3&p=9", "seed=1.5", "seed=-1", "seed=99999999999999999999",
    "width=ten", "__proto__=1", "constructor=1&toString=2", "no_such=1", "weight_decay=0.5",
    "playing=perhaps", "%E0%A4%A=1",
    "p=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E", "%3Cscript%3Ealert(1)%3C/script%3E=2", "p=" + "9" * 5000,
    "points=0.5,NaN", "a" * 3000, "p=javascript:alert(1)",
]


# The frame reads links for all of them: one meets every trick, the others one of each kind.
FEW = ("p=NaN", "no_such=1", "%3Cscript%3Ealert(1)%3C/script%3E=2", "points=0.5,NaN")
TRICKS = [(cls, query) for cls in ALL for query in (HOSTILE if cls is explorables.Playground else FEW)]


@pytest.mark.parametrize(("cls", "query"), TRICKS, ids=lambda v: getattr(v, "__name__", str(v)[:24]))
def test_a_hostile_link_is_refused_and_nothing_runs(cls, query, visit):
    page = opened(visit, cls, fragment=f"#{cls.module}?{query}")
    assert "has stopped" not in page.locator(".du-x").inner_text()
    assert page.locator(".du-x :is(img, script, iframe)").count() == 0
    found = states(page)
    for name in cls.settings():
        trait = cls.class_traits()[name]
        if getattr(trait, "max", None) is not None:
            assert trait.min <= found[name] <= trait.max
    assert page.locator(".du-x .du-note").inner_text() or page.locator(".du-x").inner_text()


@each
def test_a_link_carries_every_setting(cls, visit):
    page = opened(visit, cls)
    sliders = page.locator(".du-x input[type=range]")
    for i in range(sliders.count()):
        sliders.nth(i).focus()
        page.keyboard.press(inward(sliders.nth(i)))
    page.get_by_role("button", name="Copy link").click()
    eventually(page, lambda: "#" in page.url, True)
    fragment, there = "#" + page.url.split("#")[1], states(page)
    again = opened(visit, cls, fragment=fragment)
    assert {k: states(again)[k] for k in cls.settings()} == {k: there[k] for k in cls.settings()}


def test_within_a_frame_it_computes_and_offers_no_link(visit):
    """As in VS Code, whose outputs stand in a frame no reader sees the address of, with a foreign base."""
    inside = '<!doctype html><base href="https://elsewhere.example/">' + html(explorables.Playground)
    around = f'<iframe srcdoc="{escape(inside)}" width="700" height="900"></iframe>'
    page = visit(html(explorables.Scaling) + around)
    frame = page.frame_locator("iframe").locator(".du-x")
    frame.get_by_role("button", name="Train").wait_for()
    assert frame.get_by_role("button", name="Copy link").count() == 0
    assert page.get_by_role("button", name="Copy link").count() == 1, "the page itself has one"


def test_a_foreign_base_does_not_stop_one_that_hands_out_a_link(visit):
    page = visit('<base href="https://elsewhere.example/">' + html(explorables.Playground))
    page.get_by_role("button", name="Copy link").click()
    eventually(page, lambda: page.url.endswith("#playground?"), True)
    assert "has stopped" not in page.locator(".du-x").inner_text()


def test_a_key_that_a_control_uses_goes_no_further_than_the_explorable(visit):
    """VS Code would go on to another cell with the arrow that moved a slider."""
    page = visit(html(explorables.Playground))
    page.evaluate("window.heard = []; addEventListener('keydown', (event) => heard.push(event.key))")
    slider = page.locator(".du-x input[type=range]").first
    for key in ("ArrowUp", "ArrowRight", "Home", "PageDown", "Enter", "Space", "a", "F"):
        slider.press(key)
    for key in ("Escape", "F8", "Control+b"):
        slider.press(key)
    assert page.evaluate("heard") == ["Escape", "F8", "Control", "b"]


@each
def test_one_that_breaks_says_so_in_its_own_frame_and_the_others_go_on(cls, visit):
    good = html(cls)
    head = '<script type="text/du-module">\n'
    assert good.count(head) == 1
    unreadable = good.replace(head, head + "not javascript at all;")
    end = '</script><script type="module">'
    fall = "export default { render() { throw new Error('it fell') } }" + end
    falling = good.replace("export default ", "const unused = ").replace(end, fall)
    page = visit(unreadable + falling + good)
    eventually(page, page.locator(".du-explorable > [role=alert]").count, 2)
    assert page.locator(".du-explorable").count() == 3
    said = page.locator(".du-explorable > [role=alert]").all_inner_texts()
    assert len(said) == 2 and "could not start" in said[0] and "it fell" in said[1]
    assert page.locator(".du-explorable").nth(0).locator(".du-still svg").count() >= 1
    assert page.locator(".du-explorable").nth(2).locator(".du-x").count() == 1


@each
def test_an_error_while_it_runs_stays_in_its_frame_and_can_be_left(cls, visit):
    good, draws = html(cls), r"(?=\b\w+\.draw\?\.\(\))"
    assert len(re.findall(draws, good)) == 1
    page = visit(re.sub(draws, "if(!window.mended)throw new Error('<b>no</b>');", good))
    frame = page.locator(".du-x")
    frame.get_by_text("This explorable has stopped (<b>no</b>).").wait_for()
    page.evaluate("window.mended = true")
    frame.get_by_role("button", name="Start again").click()
    eventually(page, lambda: "has stopped" in frame.inner_text(), False)


COUNT = """() => {
    window.drawn = new Map();
    const clear = CanvasRenderingContext2D.prototype.clearRect;
    CanvasRenderingContext2D.prototype.clearRect = function (...box) {
      const name = this.canvas.closest('.du-explorable').dataset.explorable;
      drawn.set(name, (drawn.get(name) ?? 0) + 1);
      clear.apply(this, box);
    };
    window.counts = () => Object.fromEntries([...document.querySelectorAll('.du-explorable')].map((host) =>
      [host.dataset.explorable, [drawn.get(host.dataset.explorable) ?? 0, host.model?.get('step') ?? null]]));
    window.hide = (hidden) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event('visibilitychange'));
    };
}"""


def test_each_computes_only_in_view_and_while_the_tab_is_shown(visit):
    """All on one page: they start when they are near, draw when something changed, and sleep otherwise."""
    playing = {cls: {"playing": True} for cls in ALL if "playing" in cls.settings()}
    far = '<div style="height:6000px"></div>'
    page = visit("".join(html(cls, **playing.get(cls, {})) + far for cls in ALL))
    page.evaluate(COUNT)
    assert page.locator(".du-x").count() == 1, "the others are far away: they have not started"
    for cls in ALL:
        host = page.locator(f'[data-explorable="{cls.module}"]')
        host.scroll_into_view_if_needed()
        host.locator(".du-x").wait_for()
        page.evaluate("hide(false)")  # the first one had drawn before anything was counted
        page.wait_for_function(f"counts()['{cls.module}'][0] > 0")

        def still(why, name=cls.module):
            page.wait_for_timeout(400)  # what was found on the way is reported late
            before = page.evaluate("counts()")
            page.wait_for_timeout(250)
            assert page.evaluate("counts()") == before, f"{name} computes, {why}"
            return before[name]

        if cls in playing:
            page.wait_for_function(f"counts()['{cls.module}'][1] > 0")
            page.evaluate("hide(true)")
            asleep = still("while the tab is hidden")
            page.evaluate("hide(false)")
            page.wait_for_function(f"counts()['{cls.module}'][1] > {asleep[1]}")
        else:
            still("while nothing changes")
        page.evaluate("document.documentElement.scrollBy({ top: 3500 })")
        asleep = still("out of view")
        name = next(name for name in cls.settings() if name in ("p", "width"))
        value = cls.class_traits()[name].min
        host.evaluate("(host, [name, value]) => host.model.set(name, value)", [name, value])
        assert still("out of view, when a setting changes")[0] == asleep[0]
        host.scroll_into_view_if_needed()
        page.wait_for_function(f"counts()['{cls.module}'][0] > {asleep[0]}")
        host.evaluate("host => host.model.set('playing', false)")


# ------------------------------------------------------------------------------ the playground's own


def step(page):
    return page.evaluate("document.querySelector('.du-explorable').model.get('step')")


def test_the_playground_computes_what_the_package_computes(visit):
    page = opened(visit, explorables.Playground, state={"p": 0.5, "weight_decay": 0.001, "seed": 3})
    for _ in range(12):
        page.get_by_role("button", name="One step").click()
    eventually(page, lambda: step(page), 12)
    found = states(page)
    net, _ = explorables.Playground(p=0.5, weight_decay=0.001, seed=3).run(12)
    points = data.moons(100, 400, 0.3, rng=seeding.generator(3, "data"))
    for part, x, y in (("train", points.x_train, points.y_train), ("test", points.x_test, points.y_test)):
        loss, _ = du.softmax_cross_entropy(net.predict(x), y)
        assert found[f"{part}_loss"] == pytest.approx(loss, abs=1e-6)
        assert found[f"{part}_accuracy"] == pytest.approx(du.accuracy(net.predict(x), y))


def test_the_playground_trains_pauses_and_goes_back(visit):
    page = opened(visit, explorables.Playground)
    page.get_by_role("button", name="Train").click()
    page.wait_for_function("document.querySelector('.du-explorable').model.get('step') >= 200")
    page.get_by_role("button", name="Pause").click()
    status = page.locator(".du-status")
    eventually(page, lambda: f"Paused. Step {step(page)}" in status.inner_text(), True)
    paused = step(page)
    page.wait_for_timeout(300)
    assert step(page) == paused
    page.get_by_role("button", name="Reset").click()
    eventually(page, lambda: step(page), 0)


@pytest.mark.parametrize("cls", [cls for cls in ALL if "playing" in cls.settings()], ids=lambda c: c.__name__)
def test_nothing_starts_by_itself_under_reduced_motion(cls, visit):
    page = opened(visit, cls, state={"playing": True}, reduced_motion="reduce")
    eventually(page, lambda: step(page), 0)
    page.wait_for_timeout(300)
    assert step(page) == 0
    page.get_by_role("button", name="Train").click()
    page.wait_for_function("document.querySelector('.du-explorable').model.get('step') >= 400")


def test_a_frame_of_the_playground_costs_little_more_than_its_arithmetic(visit):
    """20 steps, losses and drawing at 2 × 32 units and 100 points, beside as many bare multiply-adds."""
    page = opened(visit, explorables.Playground)
    spent, bare = page.evaluate("""async () => {
        const a = new Float64Array(1152).fill(0.5), b = new Float64Array(1152).fill(0.25);
        function arithmetic() {  // 1,152 weights, 100 points, three passes over them, 20 steps
          let sum = 0;
          for (let k = 0; k < 100 * 3 * 20; k++) for (let i = 0; i < 1152; i++) sum += a[i] * b[i];
          return sum;
        }
        const model = document.querySelector('.du-explorable').model, frames = [], loops = [];
        function timed(f, times) {
          const began = performance.now();
          f();
          times.push(performance.now() - began);
        }
        const own = window.requestAnimationFrame;
        window.requestAnimationFrame = (f) => own((now) => {
          timed(() => f(now), frames);
          timed(arithmetic, loops);
        });
        [...document.querySelectorAll('button')].find((b) => b.textContent === 'Train').click();
        while (model.get('step') < 3000) await new Promise((done) => setTimeout(done, 50));
        return [frames, loops].map((times) => times.sort((a, b) => a - b)[Math.floor(times.length / 4)]);
    }""")
    print(f"\na frame of 20 steps takes {spent:.1f} ms: {20_000 / spent:.0f} steps/s; "
          f"its bare multiply-adds take {bare:.1f} ms")
    assert spent < 6 * bare


# ------------------------------------------------------------------------------ mask, feature map, attention


def test_a_unit_that_is_pressed_sends_nothing_and_its_weights_get_no_gradient(visit):
    page = opened(visit, explorables.MaskAndGradients, state={"mask": [1] * 8}, width=360, has_touch=True)
    unit, row = page.get_by_role("button", name="A3"), page.get_by_role("row", name="A3")
    assert unit.get_attribute("aria-pressed") == "true" and ", 0" not in row.inner_text()
    unit.tap()
    eventually(page, lambda: states(page)["mask"], [1, 1, 0, 1, 1, 1, 1, 1])
    eventually(page, lambda: unit.get_attribute("aria-pressed"), "false")
    assert "off" in unit.inner_text()
    eventually(page, lambda: row.inner_text().split()[-3:], ["0", "0,", "0"])
    reports(page, explorables.MaskAndGradients(mask=[1, 1, 0, 1, 1, 1, 1, 1]).run()[2])
    unit.press("Enter")
    eventually(page, lambda: states(page)["mask"], [1] * 8)
    eventually(page, lambda: unit.get_attribute("aria-pressed"), "true")


@pytest.mark.parametrize("kind", ["unit", "spatial", "block"])
def test_the_feature_map_reports_what_the_package_computes(kind, visit):
    page = opened(visit, explorables.FeatureMap, state={"seed": 3})
    page.get_by_label("drop", exact=True).select_option(str(["unit", "spatial", "block"].index(kind)))
    reports(page, explorables.FeatureMap(seed=3, kind=kind).run()[3])


def test_every_site_of_attention_can_be_switched_alone(visit):
    page = opened(visit, explorables.AttentionSites, state={"p": 0.4, "attention": False})
    reports(page, {"moved": 0})
    labels = {"embedding": "embedding", "attention": "attention weights",
              "attention_output": "attention output", "feed_forward": "feed-forward"}
    for site, label in labels.items():
        box = page.get_by_role("checkbox", name=label)
        box.press("Space")
        reports(page, explorables.AttentionSites(p=0.4, **{"attention": False, site: True}).run()[3])
        box.press("Space")


# ------------------------------------------------------------------------------ on the built site

BUILT = [path for path in sorted(SITE.rglob("*.html"))
         if "_modules" not in path.parts and 'class="du-explorable"' in path.read_text("utf-8")]


@pytest.mark.skipif(not BUILT, reason="the site is not built: run make site")
@pytest.mark.parametrize(("path", "theme"), [(path, theme) for path in BUILT for theme in THEMES
                         if theme == "light" or path.stem == "explorables"],
                         ids=lambda value: getattr(value, "stem", value))
def test_on_the_site_all_start_and_axe_finds_nothing_in_them(path, theme, visit, axe):
    page = visit(path, theme=theme, width=1280)
    for host in page.locator(".du-explorable").all():
        host.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelectorAll('.du-explorable:not(:has(.du-x))').length === 0")
    assert page.locator(".du-explorable > [role=alert]").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert violations(page, axe, ".du-x") == []


@pytest.mark.skipif(not BUILT, reason="the site is not built: run make site")
def test_on_the_site_a_link_leads_to_the_explorable_with_its_settings(visit):
    path = next(path for path in BUILT if path.stem == "explorables")
    page = visit(path, fragment="#playground?p=0.5&seed=7")
    playground = page.get_by_role("region", name="Overfitting playground")
    assert playground.get_by_label("drop rate p").input_value() == "0.5"
    assert playground.get_by_label("seed", exact=True).input_value() == "7"
    assert page.locator(".du-x").first.bounding_box()["y"] < 900
