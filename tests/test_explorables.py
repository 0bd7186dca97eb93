"""The Python side of the explorables: one state in two languages, and a form for every viewer."""

import inspect
import json
import re
import shutil
import subprocess
import sys
import types

import pytest
from bs4 import BeautifulSoup

pytest.importorskip("traitlets")

from dropout_utils import explorables, figures
from dropout_utils.explorables import _assemble, _shorten, base

VIEW = "application/vnd.jupyter.widget-view+json"
ALL = [getattr(explorables, name) for name in explorables.__all__ if name != "Explorable"]
KINDS = {"_Real": "real", "Int": "whole", "Bool": "flag", "Enum": "choice", "List": "numbers", "Any": "data"}
LIMIT = 25_000  # bytes
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
each = pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """The schema and results of every assembled module, as JavaScript reads it."""
    folder = tmp_path_factory.mktemp("modules")
    found = {}
    for cls in ALL:
        path = folder / f"{cls.module}.mjs"
        path.write_text(_assemble.assemble(cls.module), encoding="utf-8")
        code = f"const m = (await import({json.dumps(path.as_uri())})).default; " \
               "console.log(JSON.stringify([m.name, m.title, m.schema, m.results]));"
        done = subprocess.run(["node", "--input-type=module", "-e", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found[cls] = json.loads(done.stdout)
    return found


# ------------------------------------------------------------------------------------ one state, twice


@needs_node
@each
def test_settings_and_results_are_the_same_in_both_languages(cls, modules):
    name, title, schema, results = modules[cls]
    assert name == cls.module and title
    assert set(schema) == set(cls.settings())
    assert set(results) == set(cls.results())
    for setting, spec in schema.items():
        trait = cls.class_traits()[setting]
        assert KINDS[type(trait).__name__] == spec["kind"], setting
        if spec["kind"] == "data":
            continue
        assert trait.default() == spec["value"], setting
        if spec["kind"] in ("real", "whole"):
            assert (trait.min, trait.max) == (spec["min"], spec["max"]), setting
        if spec["kind"] == "choice":
            assert list(trait.values) == spec["options"], setting
        if spec["kind"] == "numbers":
            inner = trait._trait
            assert (inner.min, inner.max, trait._maxlen) == (spec["min"], spec["max"], spec["most"]), setting


def test_every_module_has_its_class():
    assert sorted(cls.module for cls in ALL) == _assemble.available()


@each
def test_the_signature_names_the_settings_and_their_defaults(cls):
    given = inspect.signature(cls).parameters
    assert tuple(given) == cls.settings()
    assert cls(**{name: one.default for name, one in given.items()}).state() == cls().state()


@each
def test_a_setting_that_does_not_exist_is_refused(cls):
    with pytest.raises(TypeError, match="state must be among"):
        cls(no_such_setting=1)
    with pytest.raises(TypeError, match="state must be among"):
        cls(**{name: 1 for name in cls.results()[:1]} or {"no_such_setting": 1})


@each
def test_a_value_that_a_setting_cannot_have_is_refused(cls):
    for name in cls.settings():
        trait = cls.class_traits()[name]
        kind = KINDS[type(trait).__name__]
        bad = {"flag": ["yes", 2], "choice": ["no such", None], "numbers": ["12", [float("nan")], [None]],
               "real": ["x", float("nan"), float("inf"), None], "whole": ["x", 1.5, None], "data": []}[kind]
        if kind in ("real", "whole"):
            bad += [trait.min - 1, trait.max + 1]
        for value in bad:
            with pytest.raises(ValueError, match=name):
                cls(**{name: value})


# ------------------------------------------------------------------------------------ the module


@each
def test_a_module_with_all_its_parts_is_small(cls):
    """As it stands in the page, not compressed; the style sheet beside it is small too."""
    assert len(_assemble.assemble(cls.module).encode()) <= LIMIT
    assert len(_assemble.style()) <= 3_000


@each
def test_a_module_imports_nothing_and_asks_nothing_of_the_outside(cls):
    code = _assemble.assemble(cls.module)
    outside = r"\bimport\b|\bfetch\(|XMLHttpRequest|WebSocket|https?:|sendBeacon"
    markup = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    assert not re.search(f"{outside}|{markup}", code)
    assert code.count("export default") == 1 and not re.search(r"\bexport (?!default)", code)


# What the shortening has to leave as it does: each prints something, and prints the same when short.
PROGRAMS = {
    "comments and strings": """
        // a comment with "quotes" and `ticks`
        const a = "two  spaces // no comment", b = 'it\\'s /* kept */'; /* gone */
        log(a, b, typeof a);""",
    "templates within templates": """
        const a = "x", f = ({ a }) => `${a}}`;
        log(`t  ${a + `in  {${1 + +1}`} /* kept */ \\` $ ${f({ a: `${a}${a}` })}${a}`);""",
    "signs": """
        let i = 3;
        const c = 3 - -2, d = i++ + +i, e = i
          .toString();
        log(c, d, e, 2 ** -1, 1e-3, i > 2 ? -1 : 1, i ?? 5, "ab"?.length);""",
    "shorthand and keys": """
        const value = 1, other = 2, inner = { value, other, method(value) { return value + other; } };
        const { value: renamed, ...rest } = inner, pick = ({ value, other = value }, [first, , third = 7]) =>
          [value, other, first, third];
        log(inner, renamed, Object.keys(rest), pick({ value: 4 }, [5, 6]), inner.method(9));""",
    "conditions beside objects": """
        const yes = true, no = false, pick = yes ? no : yes, made = { yes: yes ? no : yes, no };
        log(pick, made.yes, made.no, yes ? { no } : { yes }, [yes, no ? 1 : 2]);""",
    "classes": """
        class Base {
          constructor(size, { scale = 2 } = {}) { Object.assign(this, { size, scale }); }
          get area() { return this.size * this.scale; }
          grow(by) { this.size += by; return this; }
        }
        class Special extends Base {
          grow(by) { return super.grow(2 * by); }
        }
        log(new Special(3, { scale: 5 }).grow(1).area, new Base(1).area);""",
    "loops": """
        let total = 0;
        const table = new Map([["a", 1], ["b", 2]]);
        for (const [key, value] of table) for (let i = 0, w = value; i < 3; i++) total += w * key.length;
        for (const key in { u: 1 }) log(key);
        while (total > 5) total -= 2;
        do total++; while (total < 9)
        for (; total < 12; total++);
        if (total) { for (let k = 0; k < 2; k++); }
        log(total);""",
    "lines that end a statement": """
        const first = 4
        let second = first
        second++
        const f = function named(n) { return n ? named(n - 1) + 1 : 0 }
        log(first, second, f(3))
        try { none } catch (error) { log(error.name) }
        function* count() { yield* [1, 2] }
        log([...count()], ((a, ...b) => b)(1, 2, 3))""",
    "a name of the platform beside short ones": """
        const Aa = 1, a = Math.max(1, 2), Ab = { Math: 3 };
        log(Aa, a, Ab.Math, Float64Array.of(1, 2).length, isNaN(NaN));""",
}


@needs_node
def test_what_is_short_does_what_the_source_does(tmp_path):
    short = {}
    for name, source in PROGRAMS.items():
        short[name] = _shorten.shorten([_shorten.Piece(source)])
        assert len(short[name]) < len(source.replace("    ", "")), name

    def printed(source):
        path = tmp_path / "program.mjs"
        path.write_text("globalThis.log = (...all) => console.log(JSON.stringify(all));\n" + source, "utf-8")
        done = subprocess.run(["node", str(path)], capture_output=True, text=True)
        assert done.returncode == 0, f"{source}\n{done.stderr}"
        return done.stdout

    for name, source in PROGRAMS.items():
        assert printed(source) and printed(source) == printed(short[name]), f"{name}: {short[name]}"


def test_comments_and_blanks_are_gone_and_variables_are_short():
    short = "export default function Aa(a){return a.kept+1}\n"
    source = "// why\nexport default function named(argument) {\n  return argument.kept + 1; /* so */\n}\n"
    assert _shorten.shorten([_shorten.Piece(source)]) == short


def test_assembling_leaves_out_what_nothing_names():
    used, end = "function used() {\n  return new Some().told();\n}\n", "export default used();\n"
    some = "class Some {\n  told() {\n    return 1;\n  }\n\n%s}\n"
    idle = "function idle() {\n  return lone();\n}\nfunction lone() {}\n"
    method = "  untold() {\n    return this.told();\n  }\n"
    kept = [piece.source for piece in _assemble._used(used + some % method + idle + end)]
    assert kept == [used, some % "", end]


def test_an_unknown_module_is_named():
    with pytest.raises(ValueError, match="playground"):
        _assemble.assemble("no such")


# ------------------------------------------------------------------------------------ what is shown


@each
def test_the_static_form_is_the_same_each_time(cls, monkeypatch):
    monkeypatch.setenv("DROPOUT_UTILS_STATIC", "1")
    first, second = cls()._repr_mimebundle_()[0], cls()._repr_mimebundle_()[0]
    assert first == second
    assert set(first) == {"text/html", "image/png", "text/plain"}
    assert len(first["text/html"]) < 120_000


@each
def test_where_no_script_runs_there_is_a_picture_with_words(cls):
    soup = BeautifulSoup(cls().page(), "html.parser")
    picture = soup.select_one(".du-still svg[role=img]")
    assert len(picture["aria-label"].split()) > 8


@each
def test_the_page_holds_the_state_and_the_module_as_they_are(cls):
    soup = BeautifulSoup(cls().page(), "html.parser")
    assert json.loads(soup.find("script", type="application/json").string) == cls().state()
    assert soup.find("script", type="text/du-module").string.strip() == _assemble.assemble(cls.module).strip()
    assert _assemble.style() in soup.find("style").string


def test_a_string_in_the_state_cannot_leave_its_element():
    class Odd(explorables.Playground):
        words = base.data("</script><script>alert(1)</script><!--")

    soup = BeautifulSoup(Odd().page(), "html.parser")
    assert len(soup.find_all("script")) == 3
    assert json.loads(soup.find("script", type="application/json").string)["words"] == Odd.words.default()


def test_the_figure_style_of_the_session_stays_as_it_was():
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    explorables.Playground().page()
    assert dict(mpl.rcParams) == before


def test_a_page_of_prose_can_hold_one():
    living = pytest.importorskip("living")
    place = '<p>Before.</p>\n<div data-living="Scaling">Words for\nother viewers.</div>\n<p>After.</p>'
    filled = living.fill(place)
    assert filled == f"<p>Before.</p>\n{explorables.Scaling().page()}\n<p>After.</p>"
    with pytest.raises(ValueError, match=r"data-living must be one of .*Playground"):
        living.fill('<div data-living="Nothing"></div>')


@pytest.fixture
def kernel(monkeypatch):
    """As if a kernel were there."""
    pytest.importorskip("anywidget")
    import IPython
    from matplotlib import pyplot as plt

    plt.switch_backend("agg")  # before there seems to be a kernel: matplotlib would look for its events

    class Shell:
        kernel = object()

    monkeypatch.setattr(IPython, "get_ipython", Shell)
    monkeypatch.delenv("DROPOUT_UTILS_STATIC", raising=False)
    monkeypatch.setattr(base._Widget, "_repr_mimebundle_",
                        lambda self: ({VIEW: {"model_id": "m"}, "text/plain": "x"}, {}))


@each
def test_with_a_kernel_the_live_view_is_sent_beside_the_static_form(cls, kernel):
    data, _ = cls()._repr_mimebundle_()
    assert set(data) == {VIEW, "text/html", "image/png", "text/plain"}


def test_on_colab_only_the_live_view_is_sent(kernel, monkeypatch):
    widget = explorables.Playground()
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    assert set(widget._repr_mimebundle_()[0]) == {VIEW, "text/plain"}


def test_the_environment_asks_for_the_static_form(kernel, monkeypatch):
    monkeypatch.setenv("DROPOUT_UTILS_STATIC", "1")
    assert VIEW not in explorables.Playground()._repr_mimebundle_()[0]


def test_without_anywidget_the_static_form_is_left():
    code = "import sys; sys.modules['anywidget'] = None\n" \
           "from dropout_utils.explorables import Playground as P\n" \
           "w = P(p=0.5); w.p = 0.3; print(sorted(w._repr_mimebundle_()[0]), w.p)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "['image/png', 'text/html', 'text/plain'] 0.3", done.stderr


def test_a_live_kernel_shares_the_state():
    """A real kernel: the view is sent, and what the page would send arrives in Python."""
    pytest.importorskip("anywidget")
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    cells = [nbformat.v4.new_code_cell(source) for source in (
        "from dropout_utils.explorables import Playground\nw = Playground(p=0.2)\nw",
        "w.set_state({'p': 0.4, 'test_loss': 0.25})\nprint(w.p, w.test_loss)",
    )]
    notebook = nbformat.v4.new_notebook(cells=cells)
    import os

    quiet = {**os.environ, "DROPOUT_UTILS_STATIC": "", "PYTHONWARNINGS": "ignore"}
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute(env=quiet)
    assert set(notebook.cells[0].outputs[0].data) == {VIEW, "text/html", "image/png", "text/plain"}
    assert notebook.cells[1].outputs[0].text == "0.4 0.25\n"


# ------------------------------------------------------------------------------------ colours


def test_the_colours_in_the_page_are_those_of_the_figures():
    code = (_assemble._FOLDER / "core" / "axes.mjs").read_text(encoding="utf-8")
    block = re.search(r"COLOURS = \{(.*?)\}", code, re.DOTALL)[1]
    assert dict(re.findall(r'(\w+): "(#\w+)"', block)) == figures.COLOURS
    classes = re.search(r"CLASS_COLOURS = \[(.*?)\]", code)[1]
    assert tuple(re.findall(r"#\w+", classes)) == figures.CLASS_COLOURS
