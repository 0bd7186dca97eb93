"""What a reader waits for: a page's first load, opened in Chromium from disk, on a slowed processor.

    python tools/first_load.py [chapters/overfitting.html ...]

For each page of the built site: what it fetches (compressed bytes: gzip, or the file where that is smaller),
when its largest part is painted, and how much of what was there moves afterwards. Bytes and moves are
properties of the page and are tested; times are properties of a machine and are reported.
"""

from __future__ import annotations

import gzip
import shutil
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlparse

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-sync", "--disable-component-update", "--disable-dev-shm-usage"]  # fmt: skip
SLOWER = 4  # a telephone beside a desktop
LIMIT = 600_000  # bytes of a page without mathematics
LIMIT_WITH_MATHEMATICS = 1_200_000
MOST_SHIFT = 0.05

OBSERVE = """
window.loaded = { paint: 0, shift: 0 };
const watch = (type, see) => new PerformanceObserver((list) => list.getEntries().forEach(see))
    .observe({ type, buffered: true });
watch('largest-contentful-paint', (entry) => (loaded.paint = entry.startTime));
watch('layout-shift', (entry) => entry.hadRecentInput || (loaded.shift += entry.value));
"""
READY = """async () => { await window.MathJax?.startup?.promise; await document.fonts.ready;
    await new Promise((done) => setTimeout(done, 250)); return window.loaded; }"""


@cache
def compressed(path: Path) -> int:
    """Return how many bytes of a file travel."""
    content = path.read_bytes()
    return min(len(content), len(gzip.compress(content, 6, mtime=0)))


def limit(fetched: list[str]) -> int:
    """Return how many bytes a page that fetches these may have."""
    return LIMIT_WITH_MATHEMATICS if any("mathjax" in url for url in fetched) else LIMIT


def weigh(fetched: list[str]) -> dict[str, int]:
    """Return the compressed bytes of each file among the addresses that a page asked for."""
    paths = [Path(unquote(urlparse(url).path)) for url in dict.fromkeys(fetched) if url.startswith("file:")]
    return {path.as_posix(): compressed(path) for path in paths if path.is_file()}


def outside(fetched: list[str]) -> list[str]:
    """Return the addresses that are neither on disk nor in the page itself."""
    return [url for url in fetched if urlparse(url).scheme not in ("file", "data", "blob")]


def load(page, path: Path) -> dict:
    """Open a file in a page that runs ``OBSERVE``; return what it fetched, ``paint`` in ms, and ``shift``."""
    fetched = []
    note = lambda request: fetched.append(request.url)  # noqa: E731
    page.on("request", note)
    page.goto(path.as_uri())
    found = page.evaluate(READY)
    page.remove_listener("request", note)
    return {"fetched": fetched, **found}


def main(names: list[str]) -> int:
    """Print a line for each page."""
    from playwright.sync_api import sync_playwright

    names = names or [path.relative_to(SITE).as_posix() for part in ("intro*", "chapters/*", "pages/*")
                      for path in sorted(SITE.glob(f"{part}.html"))]  # fmt: skip
    worst = 0
    print(f"{'page':32} {'kB':>6} {'limit':>6} {'paint, ms':>10} {'shift':>7}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name in names:
            context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
            context.add_init_script(OBSERVE)
            page = context.new_page()
            context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
            found = load(page, SITE / name)
            total, most = sum(weigh(found["fetched"]).values()), limit(found["fetched"])
            numbers = f"{total / 1000:6.0f} {most / 1000:6.0f} {found['paint']:10.0f} {found['shift']:7.4f}"
            print(f"{name:32} {numbers}", *outside(found["fetched"]))
            worst += total > most or found["shift"] > MOST_SHIFT or bool(outside(found["fetched"]))
            context.close()
        browser.close()
    return int(worst > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
