"""The whole book as one PDF, printed by Chromium from the built site: ``make pdf``.

The pages are put together in the order of the table of contents, links between them lead on inside the PDF,
explorables stay the pictures that they are where no script runs, and the front page links the result.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import urldefrag, urlparse

import book_site
import first_load
import yaml
from bs4 import BeautifulSoup

NAME = "dropout-book.pdf"
PAPER = {
    "format": "A4",
    "print_background": True,
    "tagged": True,
    "outline": True,
    "margin": dict.fromkeys(("top", "bottom"), "18mm"),
    "display_header_footer": True,
    "header_template": "<span></span>",
    "footer_template": '<span class="pageNumber" style="font-size:8px;margin:0 auto"></span>',
}
# Explorables start when they come into view: here nothing does, so they stay pictures.
STILL = "window.IntersectionObserver = class { observe() {} unobserve() {} disconnect() {} };"
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
        link["href"] = f"#{own[page]}--{place}" if place and page in own else f"#{own.get(page, '')}"
    for picture in soup.find_all("img", src=True):
        if not urlparse(picture["src"]).scheme:
            picture["src"] = re.sub(r"[^/]+/\.\./", "", (Path(name).parent / picture["src"]).as_posix())
    for hidden in soup.find_all("details"):
        hidden["open"] = ""
    for script in soup.select("script[type=module], .headerlink, .copybtn"):
        script.decompose()
    soup["id"] = own[name]
    return soup


def together(site: Path, pages: list[str]) -> str:
    """Return all pages as one: the head of the front page, and every text."""
    front = BeautifulSoup((site / pages[0]).read_text(encoding="utf-8"), "html.parser")
    front.html["data-theme"] = "light"
    body = front.new_tag("body")
    main = front.new_tag("main", attrs={"class": "bd-main bd-content bd-article-container book-printed"})
    for name in pages:
        main.append(article(site, name, pages))
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
