"""The chapters as stored: marked cells have outputs, nothing of the machine shows, figures speak."""

import address
import nbformat
import notebooks
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

URL = "https://github.com/somebody/some-book"
KEYS = {"srivastava2014dropout"}
ALT = "Test accuracy of both arms, with intervals"
SVG = f'<svg role="img" aria-label="{ALT}"><path d="M0 0"/></svg>'
EXERCISE = """:::{exercise} One
:label: ex-one

Why?
:::

:::{solution} ex-one
:class: dropdown

So.
:::"""


@pytest.mark.parametrize("path", notebooks.stored(), ids=lambda path: path.name)
def test_a_stored_chapter_keeps_every_rule(path):
    assert notebooks.problems(path, address.address(), notebooks.citation_keys()) == []


def test_the_table_of_contents_lists_every_chapter_and_no_other():
    import yaml

    toc = yaml.safe_load((notebooks.ROOT / "_toc.yml").read_text())
    listed = {entry["file"] for part in toc["parts"] for entry in part["chapters"]}
    listed = {entry for entry in listed if entry.startswith("chapters/")}
    assert listed == {f"chapters/{path.stem}" for path in notebooks.chapters()}


# ---------------------------------------------------------------------- each rule, seen to fail once


def code(source, outputs=(), count=1, tags=()):
    return new_code_cell(source, outputs=list(outputs), execution_count=count, metadata={"tags": list(tags)})


def printed(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def shown(**data):
    data = {kind.replace("__", "+").replace("_", "/"): body for kind, body in data.items()}
    return new_output("display_data", data=data)


def book(tmp_path, *cells, prose="", name="a-chapter"):
    """A sound chapter with these cells in it, stored."""
    nb = new_notebook(cells=[
        new_markdown_cell("# A title\n\nSee {cite:p}`srivastava2014dropout`.\n\n" + prose),
        code("print(1)", [printed("1\n")], tags=[notebooks.MARK]),
        *cells,
    ])
    notebooks.put_first_cell(nb, URL)
    count = 0
    for cell in nb.cells:
        if cell.cell_type == "code":
            count += 1
            if cell.execution_count is not None or "colab" in cell.metadata.tags:
                cell.execution_count = count
    nb = notebooks.canonical(nb)
    path = tmp_path / f"{name}.ipynb"
    path.write_text(notebooks.text(nb), encoding="utf-8")
    return path


def problems(path):
    return notebooks.problems(path, URL, KEYS)


def test_a_sound_chapter_passes(tmp_path):
    figure = shown(text_html=SVG, image_png="AAAA", text_plain=ALT)
    assert problems(book(tmp_path, code("show(figure)", [figure]), prose=EXERCISE)) == []


@pytest.mark.parametrize(("word", "cell"), [
    ("stored error", code("x", [new_output("error", ename="NameError", evalue="x", traceback=[])])),
    ("stderr", code("x", [printed("hm\n", "stderr")])),
    ("a warning", code("x", [printed("a.py:3: UserWarning: hm\n")])),
    ("a path of the machine", code("x", [printed("saved /home/me/a.png\n")])),
    ("a path of the machine", code("x", [shown(text_html="<p>C:\\\\Users\\\\me</p>")])),
    ("a path of the machine", code("x", [printed("lib/python3.11/site-packages/numpy\n")])),
    ("a time of day", code("x", [shown(text_html="<dc:date>2026-01-01T10:11:12</dc:date>")])),
    ("a memory address", code("x", [shown(text_plain="<object at 0x7f2a3c4d5e6f>")])),
    ("a progress bar", code("x", [printed("100%|####| 3/3 [00:01, 2.1it/s]\n")])),
    ("nothing would be compared", code("x", tags=[notebooks.MARK])),
    ("nothing would be compared", code("x", [shown(image_png="AA", text_plain=" ")], tags=[notebooks.MARK])),
    ("says what it shows", code("x", [shown(image_png="AAAA", text_plain="<Figure size 640x480>")])),
    ("says what it shows", code("x", [shown(text_html="<div><svg><path/></svg></div>")])),
    ("says what it shows", code("x", [shown(text_html='<img src="data:image/png;base64,AA" alt="plot">')])),
    ("missing or out of order", code("x", count=None)),
    ("plain Python", code("%matplotlib inline")),
    ("plain Python", code("!ls")),
])
def test_a_bad_cell_is_named(tmp_path, word, cell):
    found = problems(book(tmp_path, cell))
    assert any(word in problem for problem in found), found


@pytest.mark.parametrize(("word", "prose"), [
    ("references.bib does not have", "{cite:p}`srivastava2014dropout, nobody1999`"),
    ("{eval-rst}", "```{eval-rst}\nhm\n```"),
    ("glue", "The answer is {glue:text}`answer`."),
    ("has no solution", EXERCISE.split(":::{solution}")[0]),
    ("no exercise here", EXERCISE.replace("solution} ex-one", "solution} ex-two")),
    ("not hidden", EXERCISE.replace(":class: dropdown\n", "")),
    ("without a label", EXERCISE.replace(":label: ex-one\n", "")),
])
def test_bad_prose_is_named(tmp_path, word, prose):
    found = problems(book(tmp_path, prose=prose))
    assert any(word in problem for problem in found), found


def test_a_chapter_without_a_marked_cell_is_refused(tmp_path):
    path = book(tmp_path)
    nb = notebooks.read(path)
    for cell in nb.cells:
        cell.metadata.pop("tags", None)
    path.write_text(notebooks.text(nb))
    assert any("no cell with the tag" in problem for problem in problems(path))


def test_a_stripped_notebook_does_not_pass(tmp_path):
    path = book(tmp_path)
    nb = notebooks.read(path)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    path.write_text(notebooks.text(nb))
    found = " ".join(problems(path))
    assert "nothing would be compared" in found
    assert "missing or out of order" in found


@pytest.mark.parametrize("name", ["Two Words", "under_score", "Capital"])
def test_a_name_that_a_link_cannot_carry_is_refused(tmp_path, name):
    assert any("chapter's name" in problem for problem in problems(book(tmp_path, name=name)))


def test_the_first_cell_must_carry_the_books_address(tmp_path):
    path = book(tmp_path)
    found = notebooks.problems(path, "https://github.com/another/fork", KEYS)
    assert any("first code cell" in problem for problem in found)


# ---------------------------------------------------------------------- the canonical form


def messy():
    widget = {"application_vnd.jupyter.widget-view__json": {"model_id": "a"}, "text_plain": "W"}
    nb = new_notebook(cells=[
        new_markdown_cell("# T  \n\n"),
        code("print(1)\nprint(2)   ", [printed("1\n"), printed("2\n")], count=7),
        code("   "),
        code("2", [new_output("execute_result", data={"text/plain": "2"}, execution_count=9)], count=9),
        code("w", [shown(**widget)], count=11),
    ], metadata={"language_info": {"name": "python", "version": "3.11.7"}, "widgets": {"state": {}}})
    nb.cells[1].metadata["execution"] = {"iopub.status.busy": "2026-01-01T00:00:00"}
    nb.cells[3].id = nb.cells[1].id
    return nb


def test_the_canonical_form_is_a_fixed_point():
    once = notebooks.canonical(messy())
    assert notebooks.text(notebooks.canonical(once)) == notebooks.text(once)
    nbformat.validate(once)


def test_the_canonical_form_keeps_content_and_nothing_of_the_run():
    nb = notebooks.canonical(messy())
    assert "2026" not in notebooks.text(nb) and "3.11.7" not in notebooks.text(nb)
    assert "widget" not in notebooks.text(nb)
    assert [cell.execution_count for cell in nb.cells if cell.cell_type == "code"] == [1, 2, 3]
    assert nb.cells[1].outputs == [printed("1\n2\n")]
    assert nb.cells[2].outputs[0].execution_count == 2
    assert nb.cells[3].outputs == []
    assert len({cell.id for cell in nb.cells}) == len(nb.cells)
    assert nb.metadata.kernelspec.name == "python3"


def test_a_form_that_is_not_canonical_is_refused(tmp_path):
    path = book(tmp_path)
    path.write_text(path.read_text().replace('"nbformat_minor": 5', '"nbformat_minor":  5'))
    assert any("canonical" in problem for problem in problems(path))


# ---------------------------------------------------------------------- the first cell and the address


def test_the_first_cell_does_nothing_where_the_package_is(monkeypatch, capfd):
    import subprocess

    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("it tried to install"))
    exec(compile(notebooks.first_cell(URL), "cell", "exec"), {})
    assert capfd.readouterr() == ("", "")


def test_moving_the_book_does_not_make_claims_stale(tmp_path):
    from dropout_utils.ledger import chapter_digest

    path = book(tmp_path)
    before = chapter_digest(path)
    nb = notebooks.read(path)
    notebooks.put_first_cell(nb, "https://github.com/another/fork")
    path.write_text(notebooks.text(nb))
    assert chapter_digest(path) == before


def test_everything_agrees_on_the_address():
    assert address.disagreements() == []


@pytest.fixture
def fork(tmp_path):
    """A small copy of the book, under git, to move about."""
    import shutil
    import subprocess

    for name in ["_config.yml", "_toc.yml", "README.md", "CITATION.cff"]:
        shutil.copy(notebooks.ROOT / name, tmp_path / name)
    (tmp_path / "chapters").mkdir()
    shutil.move(book(tmp_path), tmp_path / "chapters" / "a-chapter.ipynb")
    subprocess.run(["git", "init", "-q", "."], cwd=tmp_path, check=True)
    address.move("https://github.com/first/book", tmp_path)
    return tmp_path


def test_one_command_moves_everything(fork):
    address.move("https://github.com/second/my.fork.git", fork)
    assert address.address(fork) == "https://github.com/second/my.fork"
    assert address.disagreements(fork) == []
    for name in ["README.md", "CITATION.cff", "chapters/a-chapter.ipynb"]:
        text = (fork / name).read_text()
        assert "github.com/second/my.fork" in text
        assert "first/book" not in text
    assert address.move("https://github.com/second/my.fork", fork) == []


@pytest.mark.parametrize("name", ["README.md", "CITATION.cff", "chapters/a-chapter.ipynb"])
def test_a_place_left_behind_is_named(fork, name):
    path = fork / name
    path.write_text(path.read_text().replace("github.com/first/book", "github.com/other/book"))
    assert any(name in problem for problem in address.disagreements(fork))


def test_a_link_that_starts_a_strangers_copy_is_named(fork):
    (fork / "extra.md").write_text("[go](https://colab.research.google.com/github/stranger/x/blob/main/a.ipynb)")
    assert any("stranger/x" in problem for problem in address.disagreements(fork))


@pytest.mark.parametrize("url", ["", "http://github.com/a/b", "https://gitlab.com/a/b", "https://github.com/a",
                                 "https://github.com/a/b/c", "https://github.com/a b/c"])
def test_an_address_that_cannot_be_one_is_refused(url):
    with pytest.raises(ValueError, match="url must look like"):
        address.parse(url)


def test_no_file_names_a_package_index():
    import subprocess

    listed = subprocess.run(["git", "grep", "-lE", r"(extra-)?index-url|pypi\.org/simple"],
                            cwd=notebooks.ROOT, capture_output=True, text=True).stdout.split()
    assert [name for name in listed if not name.startswith("tests/")] == []


def test_an_aside_that_another_cell_reads_is_seen(tmp_path):
    aside = code("answer = 3", count=2, tags=["aside"])
    read = code("print(answer)", [printed("3\n")], count=3)
    assert any("which an aside assigns" in problem for problem in problems(book(tmp_path, aside, read)))
    own = code("answer = 4\nprint(answer)", [printed("4\n")], count=3)
    assert not any("aside" in problem for problem in problems(book(tmp_path, aside, own)))
