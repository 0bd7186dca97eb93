"""Every chapter runs in Colab: an environment with Colab's versions, an empty folder, one notebook.

The environment is kept in `.venv-colab` for as long as the list of its packages stays the same. The book's
package is not in it: the first cell of a chapter fetches it from the book's address, which git is told to
find in a copy of this working tree. So what is tested is what a reader's click on the rocket does.
"""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import address
import notebooks
import pytest
import test_explorables_jupyter as live
from nbclient import NotebookClient

ROOT = notebooks.ROOT
VENV = ROOT / ".venv-colab"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
WANTED = (ROOT / "tests" / "colab-requirements.txt").read_text()
GOOGLE_COLAB = '''"""A stand-in for Colab's own module."""
class output:
    @staticmethod
    def enable_custom_widget_manager():
        pass
'''
WITHOUT = os.environ.get("COLAB_WITHOUT", "").split()
CHAPTERS = [path for path in notebooks.stored() if path.stem not in WITHOUT]

pytestmark = [
    pytest.mark.slow,
    # the old kernel and the old widgets warn of their age; that is Colab's affair
    pytest.mark.filterwarnings("default"),
]


def run(*command, **options):
    words = [str(part) for part in command]
    return subprocess.run(words, check=True, capture_output=True, text=True, **options)


@pytest.fixture(scope="session")
def environment():
    """A virtual environment with Colab's versions and without the book's package."""
    stamp = VENV / "wanted.txt"
    wanted = f"{sys.version}\n{WANTED}{GOOGLE_COLAB}"
    if not stamp.exists() or stamp.read_text() != wanted:
        started = time.perf_counter()
        print("\nmaking an environment with Colab's versions in .venv-colab ...", flush=True)
        shutil.rmtree(VENV, ignore_errors=True)
        run(sys.executable, "-m", "venv", VENV)
        run(PYTHON, "-m", "pip", "install", "-q", "-r", ROOT / "tests" / "colab-requirements.txt")
        place = run(PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
        module = notebooks.Path(place) / "google" / "colab"
        module.mkdir(parents=True, exist_ok=True)
        (module / "__init__.py").write_text(GOOGLE_COLAB)
        stamp.write_text(wanted)
        print(f"made in {time.perf_counter() - started:.0f} s", flush=True)
    run(PYTHON, "-m", "pip", "uninstall", "-q", "-y", "dropout-utils", "mnist1d")
    return PYTHON


@pytest.fixture(scope="session")
def origin(tmp_path_factory):
    """A repository with this working tree, as it is now, in its one commit."""
    folder = tmp_path_factory.mktemp("origin")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    run("git", "init", "-q", "-b", address.branch(), ".", cwd=folder)
    run("git", "add", "-A", cwd=folder)
    run("git", "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "-q", "-m", "as it is",
        cwd=folder)
    return folder


@pytest.fixture(scope="session")
def session(environment, origin, tmp_path_factory):
    """The environment variables of one Colab session."""
    folder = tmp_path_factory.mktemp("session")
    spec = folder / "kernels" / "colab"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(json.dumps({
        "argv": [str(environment), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Colab", "language": "python",
    }))
    count = int(os.environ.get("GIT_CONFIG_COUNT", "0"))
    dropped = ("DROPOUT_UTILS_", "VIRTUAL_ENV", "PYTHON", "PYTEST", "CI", "MPLBACKEND")
    variables = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
    variables |= {
        "PATH": f"{environment.parent}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_COUNT": str(count + 1),
        f"GIT_CONFIG_KEY_{count}": f"url.{origin.as_uri()}.insteadOf",
        f"GIT_CONFIG_VALUE_{count}": address.address(),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or every kernel advises on its debugger
        "DROPOUT_UTILS_CACHE": str(folder / "cache"),
        "DROPOUT_UTILS_DATA": str(folder / "data"),
    }
    return folder, variables


def versions(python):
    code = "import numpy, torch, IPython, ipywidgets as w; print(numpy.__version__, torch.__version__, " \
           "IPython.__version__, w.__version__)"
    return run(python, "-W", "ignore", "-c", code).stdout.split()


@pytest.fixture(scope="session")
def executed(session, environment, tmp_path_factory):
    """Every chapter run: its notebook, or what stopped it. The first fetches the package, alone.

    The others go side by side, one a core, each in one process.
    """
    folder, variables = session
    before = versions(environment)
    assert before[0].startswith("2.1.") and before[2:] == ["7.34.0", "7.7.1"]
    found = {}

    def execute(chapter, **more):
        home = tmp_path_factory.mktemp(chapter.stem)
        shutil.copy(chapter, home)
        nb = notebooks.read(home / chapter.name)
        place = {"metadata": {"path": str(home)}}
        client = NotebookClient(nb, timeout=300, kernel_name="colab", resources=place)
        started = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                # closes its loop behind it, in a thread too
                asyncio.run(client.async_execute(env={**variables, **more}))
        except Exception as error:
            found[chapter] = error
        else:
            found[chapter] = nb
        print(f"{chapter.stem}: {time.perf_counter() - started:.0f} s in Colab's versions", flush=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        first = min(CHAPTERS, key=lambda chapter: chapter.stem != "ledger")
        execute(first)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            rest = [chapter for chapter in CHAPTERS if chapter != first]
            # the longest first, so that no core waits for one of them at the end
            rest.sort(key=lambda chapter: chapter.stem not in ("structured", "convolution"))
            list(pool.map(lambda chapter: execute(chapter, LOKY_MAX_CPU_COUNT="1"), rest))
    assert versions(environment) == before, "what Colab has loaded must stay as it is"
    home = tmp_path_factory.mktemp("elsewhere")
    place = run(environment, "-c", "import dropout_utils; print(dropout_utils.__file__)", cwd=home).stdout
    assert str(VENV) in place, "the package must come from the book's address"
    return found


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_runs_in_colab(chapter, executed):
    found = executed[chapter]
    if isinstance(found, Exception):
        raise found
    first = next(cell for cell in found.cells if cell.cell_type == "code")
    assert first.outputs == [], "the first cell must say nothing"


@pytest.mark.skipif(live.CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium")
def test_page_and_python_share_the_state_of_all_explorables(executed, session, environment, tmp_path):
    """Colab's front end is its own; this is Jupyter's of the same generation, with Colab's widgets."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [environment, "-W", "ignore", "-m", "notebook", f"--NotebookApp.token={live.TOKEN}",
               f"--port={port}", "--ip=127.0.0.1", f"--notebook-dir={live.notebook(tmp_path)}"]
    with live.serving(command, tmp_path, session[1]) as url:
        live.share_states(url, "notebooks", cell=".code_cell", text=".CodeMirror", output=".output",
                          ready="#kernel_indicator_icon.kernel_idle_icon")  # fmt: skip
