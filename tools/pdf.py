"""The whole book as one PDF, printed by Chromium from the built site: ``make pdf``.

The pages are put together in the order of the table of contents, links between them lead on inside the PDF,
explorables stay the pictures that they are where no script runs, and the front page links the result.
"""

from __future__ import annotations

import copy
import re
import sys
from itertools import pairwise
from pathlib import Path
from urllib.parse import urldefrag, urlparse

import book_site
import first_load
import yaml
from bs4 import BeautifulSoup

NAME = "dropout-book.pdf"
PAPER = {
    "format": "A4",
    "scale": 0.82,  # text of ten points
    "print_background": True,
    "tagged": True,
    "outline": True,
    "margin": {"top": "18mm", "bottom": "20mm", "left": "21mm", "right": "21mm"},
    "display_header_footer": True,
    "header_template": "<span></span>",
    "footer_template": '<span class="pageNumber" style="font-size:11px;margin:0 auto"></span>',
}
# Explorables start when they come into view: here nothing does, so they stay pictures.
STILL = "window.IntersectionObserver = class { observe() {} unobserve() {} disconnect() {} };"
# Written into the contents once a first printing has told them.
NUMBER = """(places) => document.querySelectorAll('.book-contents li').forEach((row) => {
    row.lastChild.textContent = places[row.firstChild.hash.slice(1)] ?? ''; })"""
_LINK = '<a href="dropout-book.zip">'
_OFFER = f'<a href="{NAME}">the whole book as a PDF</a> or '


def contents() -> list[str]:
    """Return the pages of the book, in order."""
    toc = yaml.safe_load((book_site.ROOT / "_toc.yml").read_text(encoding="utf-8"))
    entries = [entry for part in toc["parts"] for entry in part["chapters"]]
    files = [file["file"] for entry in entries for file in [entry, *entry.get("sections", [])]]
    return [f"{name}.html" for name in (toc["root"], *files)]


def article(site: Path, name: str, pages: list[str]):
    """Return a page's text, made ready to stand beside the others: names of places are the book's own."""
    soup = BeautifulSoup((site / name).read_text(encoding="utf-8"), "html.parser").find(class_="bd-article")
    own = {page: page.removesuffix(".html").replace("/", "-") for page in pages}
    for tag in soup.find_all(id=True):
        if not tag["id"].startswith("du") and not tag.find_parents("svg"):
            tag["id"] = f"{own[name]}--{tag['id']}"
    for link in soup.find_all("a", href=True):
        target, place = urldefrag(link["href"])
        if urlparse(link["href"]).scheme:
            continue
        page = (Path(name).parent / target).as_posix() if target else name
        page = re.sub(r"[^/]+/\.\./", "", page)
        if page in own:
            link["href"] = f"#{own[page]}--{place}" if place else f"#{own[page]}"
        else:  # listings of code, the archive: no part of the print
            del link["href"]
    for picture in soup.find_all("img", src=True):
        if not urlparse(picture["src"]).scheme:
            picture["src"] = re.sub(r"[^/]+/\.\./", "", (Path(name).parent / picture["src"]).as_posix())
    for hidden in soup.find_all("details"):
        hidden["open"] = ""
    for live in soup.select("script, .headerlink, .copybtn"):  # a script would make buttons
        live.decompose()
    for picture in soup.select("figure.du-figure > svg"):
        in_columns(picture)
    soup["id"] = own[name]
    return soup


def in_columns(picture) -> None:
    """Set a drawing that is higher than a page, such as the forest of all claims, in two columns."""
    left, top, width, height = map(float, picture["viewbox"].split())
    if height < 3 * width:
        return
    # cut where the gap between two rows is widest, near the middle
    rows = sorted({float(mark["y"]) for mark in picture.select("use[y]")})
    middle = [pair for pair in pairwise(rows) if abs(sum(pair) / 2 - top - height / 2) < height / 15]
    cut = sum(max(middle, key=lambda pair: pair[1] - pair[0])) / 2
    lower = copy.copy(picture)
    for part, begin, end in [(picture, top, cut), (lower, cut, top + height)]:
        part["viewbox"] = f"{left} {begin} {width} {end - begin}"
        part["style"] += ";overflow:hidden;min-width:0"
    lower["aria-hidden"] = "true"  # the upper part says what the whole shows
    columns = picture.wrap(BeautifulSoup("", "html.parser").new_tag("div", attrs={"class": "book-columns"}))
    columns.append(lower)


def contents_page(front, texts: list):
    """Return the page that lists all others; ``NUMBER`` writes in on which page each of them begins."""
    page = front.new_tag("article", attrs={"class": "bd-article book-contents", "id": "book-contents"})
    head, rows = front.new_tag("h2"), front.new_tag("ol")
    head.string = "Contents"
    for text in texts[1:]:
        row, link = front.new_tag("li"), front.new_tag("a", href=f"#{text['id']}")
        for mark in (title := copy.copy(text.h1)).select(".headerlink"):
            mark.decompose()
        link.string = title.get_text()
        row.extend([link, front.new_tag("span")])
        rows.append(row)
    page.extend([head, rows])
    return page


def places(printed: bytes) -> dict[str, int]:
    """Return on which page of a printed PDF each place lies that a link leads to."""
    pages = [int(found) for found in re.findall(rb"\n(\d+) 0 obj\n<</Type /Page\n", printed)]
    named = re.findall(rb"/([\w-]+) \[(\d+) 0 R /XYZ", printed)
    return {name.decode(): pages.index(int(at)) + 1 for name, at in named if int(at) in pages}


def together(site: Path, pages: list[str]) -> str:
    """Return all pages as one: the head of the front page, and every text."""
    front = BeautifulSoup((site / pages[0]).read_text(encoding="utf-8"), "html.parser")
    front.html["data-theme"] = "light"
    body = front.new_tag("body")
    main = front.new_tag("main", attrs={"class": "bd-main bd-content bd-article-container book-printed"})
    texts = [article(site, name, pages) for name in pages]
    for text in (texts[0], contents_page(front, texts), *texts[1:]):
        main.append(text)
    body.append(main)
    front.body.replace_with(body)
    if not front.head.find("script", src=re.compile("tex-chtml")):
        raise ValueError("the front page does not load MathJax, so formulas would not be set")
    return str(front)


def write(site: Path, pages: list[str]) -> Path:
    """Print pages of a built site into one PDF inside it."""
    from playwright.sync_api import sync_playwright

    beside = site / ".together.html"
    beside.write_text(together(site, pages), encoding="utf-8")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=first_load.CHROMIUM, args=first_load.FLAGS)
            page = browser.new_context(offline=True, color_scheme="light").new_page()
            page.set_default_timeout(300_000)
            page.add_init_script(first_load.OBSERVE + STILL)
            first_load.load(page, beside)
            page.evaluate("document.documentElement.dataset.theme = 'light'")
            page.evaluate(NUMBER, places(page.pdf(**{**PAPER, "tagged": False, "outline": False})))
            page.pdf(path=site / NAME, **PAPER)
            browser.close()
    finally:
        beside.unlink()
    return site / NAME


def main() -> int:
    """Print the book, offer it on the front page, and put it into the archive."""
    site = first_load.SITE
    path = write(site, contents())
    for name in ("intro.html",):
        html = (site / name).read_text(encoding="utf-8")
        if _OFFER not in html:
            if _LINK not in html:
                raise ValueError(f"{name} has no link to the archive, beside which the PDF would be offered")
            (site / name).write_text(html.replace(_LINK, _OFFER + _LINK, 1), encoding="utf-8")
    book_site.pack(site)
    print(f"{path.relative_to(book_site.ROOT)}: {path.stat().st_size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
