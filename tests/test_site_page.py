"""Every page of the built site in a browser with its network cut: light, for all readers, on all screens.

They open `_build/html`, which `make site` builds, from disk. Needs what `test_explorables_page.py` needs.
"""

import re

import first_load
import pdf
import pytest
import typeface
from test_explorables_page import axe, browser, pytestmark, violations  # noqa: F401

SITE = first_load.SITE
PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html")
               if "_static" not in path.parts and path.name not in ("404.html", "index.html"))
# Listings of code are all made alike: one is opened.
PAGES = [name for name in PAGES if not name.startswith("_modules/dropout_utils/")
         or name == "_modules/dropout_utils/seeding.html"]
# What loads slowest: many formulas in a table, a chapter, the front page.
SLOWED = ["pages/family.html", "chapters/mechanism.html", "intro.html"]
OVER = """() => [...document.querySelectorAll('.bd-main *')].filter((e) => {
    const box = e.getBoundingClientRect();
    return box.right > innerWidth + 1 && box.width && !e.closest('pre, table, svg, mjx-container, [hidden]');
}).slice(0, 4).map((e) => e.outerHTML.slice(0, 90))"""
# What scrolls sideways has to be reached by the keyboard, and to show at its edge that there is more.
SCROLLS = """() => [...document.querySelectorAll('.bd-article *')].filter((e) => {
    const style = getComputedStyle(e);
    return ['auto', 'scroll'].includes(style.overflowX) && e.scrollWidth > e.clientWidth + 1
        && (e.tabIndex < 0 || !style.backgroundAttachment.includes('local'));
}).slice(0, 4).map((e) => e.outerHTML.slice(0, 90))"""

pytestmark = [*pytestmark, pytest.mark.skipif(not PAGES, reason="the site is not built: run make site")]


@pytest.fixture(scope="module")
def opened(browser):  # noqa: F811
    """Open a page of the site; return the page and what its loading took."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    context.add_init_script(first_load.OBSERVE)
    page = context.new_page()
    state = {}

    def opened(name):
        if state.get("name") != name:
            page.set_viewport_size({"width": 1280, "height": 900})
            state.update(name=name, took=first_load.load(page, SITE / name))
        return page, state["took"]

    yield opened
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_light_and_still_and_for_all_readers_and_screens(name, opened, axe):  # noqa: F811
    """One test, since opening a page is what takes long."""
    page, took = opened(name)
    assert first_load.outside(took["fetched"]) == []
    assert sum(first_load.weigh(took["fetched"]).values()) <= first_load.limit(took["fetched"])
    assert took["shift"] <= first_load.MOST_SHIFT
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert violations(page, axe, "html") == []
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert violations(page, axe, "html", only=["color-contrast"]) == [], "dark"
    # 320 px is also what a screen of 1280 px has at a zoom of 400%
    page.set_viewport_size({"width": 320, "height": 640})
    page.wait_for_timeout(50)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320, page.evaluate(OVER)
    page.wait_for_timeout(350)  # the theme looks a moment later which boxes scroll
    assert page.evaluate(SCROLLS) == []


@pytest.mark.parametrize("name", SLOWED)
def test_nothing_moves_while_a_page_loads_on_a_slow_processor(name, browser):  # noqa: F811
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    context.add_init_script(first_load.OBSERVE)
    page = context.new_page()
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": first_load.SLOWER})
    assert first_load.load(page, SITE / name)["shift"] <= first_load.MOST_SHIFT
    context.close()


def test_a_chapter_prints_with_its_code_whole_its_formulas_set_and_its_explorables_as_pictures(browser):  # noqa: F811
    name = "chapters/inference.html"
    if not (SITE / name).is_file():
        pytest.skip("the chapter is not built")
    beside = SITE / ".printed.html"
    beside.write_text(pdf.together(SITE, ["intro.html", name]), encoding="utf-8")
    context = browser.new_context(viewport={"width": 794, "height": 1123}, offline=True)
    context.add_init_script(first_load.OBSERVE + pdf.STILL)
    page = context.new_page()
    page.set_default_timeout(120_000)
    try:
        first_load.load(page, beside)
        page.emulate_media(media="print")
        assert page.locator(".du-x").count() == 0 and page.locator(".du-still svg").count() >= 1
        assert page.locator("mjx-container").count() > 20
        assert page.evaluate("""() => [...document.querySelectorAll('pre')].filter((e) =>
            e.scrollWidth > e.clientWidth + 1).length""") == 0
        printed = page.pdf(**pdf.PAPER)
    finally:
        beside.unlink()
        context.close()
    assert printed.startswith(b"%PDF") and len(re.findall(rb"/Type /Page\b", printed)) >= 8


def test_a_page_is_painted_first_in_its_own_letters_and_as_dark_as_the_system(browser):  # noqa: F811
    context = browser.new_context(color_scheme="dark", offline=True)
    context.add_init_script("""addEventListener('DOMContentLoaded', () => { window.first = [
        document.documentElement.dataset.theme, [...document.fonts].filter((face) => face.status == 'loaded'
        && face.family.startsWith('Source')).map((face) => face.family + face.style)]; }, true);""")
    page = context.new_page()
    page.goto((SITE / "intro.html").as_uri())
    theme, faces = page.evaluate("window.first")
    said = page.evaluate("getComputedStyle(document.querySelector('.bd-article section > p')).fontFamily")
    context.close()
    assert theme == "dark"
    assert faces == [family + style for family, style, *_ in typeface.FACES]
    assert said.startswith('"Source Serif 4"')


def test_an_excerpt_of_a_search_is_the_text_without_furniture_and_marks_around_formulas(opened):
    page, _ = opened("search.html")
    text = r'<div class="bd-header-article">Download .pdf</div>a rate \(p\), and \[a^{[1]}\]'
    found = page.evaluate("part => Search.htmlToText(part)", f'<div role="main">{text}</div>')
    assert found == "a rate p, and a^{[1]}"
    assert "categories" not in (SITE / "_static" / "searchtools.js").read_text(encoding="utf-8")
