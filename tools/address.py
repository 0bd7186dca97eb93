"""The book's address: one place knows it, everything else is stamped from there.

    python tools/address.py                                  print the address
    python tools/address.py https://github.com/you/fork      move the book there
    python tools/address.py --check                          say what does not agree

``repository.url`` in ``_config.yml`` is the source. From it follow the badges of README.md, the first
code cell of every chapter and the entry in CITATION.cff. Workflows need no address: they ask GitHub.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_FORM = re.compile(r"https://github\.com/([A-Za-z0-9_.-]+)/([A-Za-z0-9_.-]+?)(?:\.git)?/?")
_SETTING = re.compile(r"(?m)^(repository:\n(?:[ \t]+.*\n)*?[ \t]+url:[ \t]*)(\S+)")
_BADGES = re.compile(r"(?s)(<!-- badges: stamped by make address -->\n).*?(<!-- end of badges -->)")
_CITATION = re.compile(r"(?m)^(repository-code: ).*$")
# Addresses that start something for a reader: here a wrong owner would run a stranger's code.
_LAUNCH = re.compile(
    r"(?:git\+https://github\.com/|colab\.research\.google\.com/github/|mybinder\.org/v2/gh/"
    r"|github\.com/)([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)"
)


def parse(url: str) -> tuple[str, str]:
    """Return owner and name of a repository's address.

    Raises
    ------
    ValueError
        If `url` is not of the form ``https://github.com/owner/name`` (Colab opens no other host).
    """
    match = _FORM.fullmatch(url)
    if not match:
        raise ValueError(f"url must look like https://github.com/owner/name, got {url!r}")
    return match[1], match[2]


def address(root: Path = ROOT) -> str:
    """Return the book's address as ``_config.yml`` has it."""
    match = _SETTING.search((root / "_config.yml").read_text(encoding="utf-8"))
    if not match:
        raise ValueError("_config.yml has no repository.url")
    return "https://github.com/{}/{}".format(*parse(match[2]))


def branch(root: Path = ROOT) -> str:
    """Return the branch that readers are sent to."""
    match = re.search(r"(?m)^[ \t]+branch:[ \t]*(\S+)", (root / "_config.yml").read_text(encoding="utf-8"))
    return match[1] if match else "main"


def badges(url: str, branch: str) -> str:
    """Return the README's badges, as Markdown, for a repository at `url`."""
    owner, name = parse(url)
    slug = f"{owner}/{name}"
    return (
        f"[![test]({url}/actions/workflows/test.yml/badge.svg)]({url}/actions/workflows/test.yml)\n"
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        f"(https://colab.research.google.com/github/{slug}/blob/{branch}/chapters/overfitting.ipynb)\n"
        "[![Open on Binder](https://mybinder.org/badge_logo.svg)]"
        f"(https://mybinder.org/v2/gh/{slug}/{branch}?urlpath=lab/tree/chapters/overfitting.ipynb)\n"
    )


def stamped(root: Path = ROOT) -> dict[Path, str]:
    """Return what every stamped text file should hold, by path."""
    url = address(root)
    wanted = {}
    for name, pattern, text in [
        ("README.md", _BADGES, rf"\g<1>{badges(url, branch(root))}\g<2>"),
        ("CITATION.cff", _CITATION, rf"\g<1>{url}"),
    ]:
        path = root / name
        content, count = pattern.subn(text, path.read_text(encoding="utf-8"))
        if count != 1:
            raise ValueError(f"{name} must have exactly one place for the address, it has {count}")
        wanted[path] = content
    return wanted


def strays(root: Path = ROOT) -> list[str]:
    """Return every place, in what git keeps, that sends a reader to another copy of the book."""
    owner, name = parse(address(root))
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, capture_output=True, text=True, check=True,
    ).stdout
    found = []
    for relative in filter(None, listed.split("\0")):
        path = root / relative
        if path.suffix not in {".md", ".ipynb", ".cff", ".yml", ".yaml", ".py", ".toml", ".txt", ""}:
            continue
        if relative.startswith("tests/") or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for match in _LAUNCH.finditer(text):
            starts = not match[0].startswith("github.com/")
            slug = match[1].removesuffix(".git")
            is_book = slug.split("/")[1] == name or starts
            if is_book and slug != f"{owner}/{name}":
                found.append(f"{relative}: {match[0]} is not {owner}/{name}")
    return found


def disagreements(root: Path = ROOT) -> list[str]:
    """Return what does not agree with ``_config.yml``, one sentence each."""
    import notebooks

    url = address(root)
    found = [
        f"{path.relative_to(root)} has not the address of _config.yml: run make address"
        for path, text in stamped(root).items()
        if path.read_text(encoding="utf-8") != text
    ]
    for path in notebooks.stored(root=root):
        if not notebooks.has_first_cell(notebooks.read(path), url):
            place = path.relative_to(root).as_posix()
            found.append(f"{place}: the first code cell has not this address: run make address")
    return found + strays(root)


def move(url: str, root: Path = ROOT) -> list[Path]:
    """Write `url` into ``_config.yml`` and stamp what follows from it; return the changed files."""
    import notebooks

    url = "https://github.com/{}/{}".format(*parse(url))
    changed = []

    def put(path: Path, text: str) -> None:
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)

    settings = root / "_config.yml"
    put(settings, _SETTING.sub(rf"\g<1>{url}", settings.read_text(encoding="utf-8"), count=1))
    for path, text in stamped(root).items():
        put(path, text)
    for path in notebooks.stored(root=root):
        nb = notebooks.read(path)
        notebooks.put_first_cell(nb, url)
        put(path, notebooks.text(nb))
    return changed


def main(arguments: list[str]) -> int:
    try:
        if arguments == ["--check"]:
            found = disagreements()
            print("\n".join(found) or f"everything agrees on {address()}")
            return bool(found)
        if len(arguments) > 1 or arguments[:1] in (["-h"], ["--help"]):
            print(__doc__)
            return 2
        if arguments:
            changed = move(arguments[0])
            names = ", ".join(str(path.relative_to(ROOT)) for path in changed)
            print(f"the book is now at {address()}; changed: {names or 'nothing'}")
        else:
            print(address())
    except ValueError as error:
        print(f"address: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
