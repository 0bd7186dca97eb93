"""Bad values for dropout_utils/ledger.py."""

from bad_values import row
from bad_values.good import claim, effect
from bad_values.kinds import NO_CHOICE, NO_PATH, NO_PATH_OR_NONE, NO_TEXT
from dropout_utils import ledger


def notebook(tmp_path):
    path = tmp_path / "mechanism.ipynb"
    path.write_text('{"cells": []}', encoding="utf-8")
    return path


def card_file(tmp_path):
    path = tmp_path / "C14.json"
    claim().judge(effect(), seed=0).save(tmp_path)
    return path


row(ledger.chapter_digest, dict, dict(notebook=[*NO_PATH, "no-such-file.ipynb", __file__]))
row(
    ledger.stamp,
    lambda tmp_path: dict(card=card_file(tmp_path), notebook=notebook(tmp_path)),
    dict(card=[*NO_PATH, "no-such-file.json", __file__], notebook=[*NO_PATH, "no-such-file.ipynb"]),
)
row(
    ledger.stamp_chapter,
    lambda tmp_path: dict(notebook=notebook(tmp_path), folder=card_file(tmp_path).parent),
    dict(notebook=[*NO_PATH, "no-such-file.ipynb"], folder=NO_PATH_OR_NONE),
)
row(ledger.judged, dict, dict(notebook=[*NO_PATH, "no-such-file.ipynb", __file__]))
row(ledger.problems, lambda tmp_path: dict(chapters=tmp_path), dict(chapters=NO_PATH, folder=NO_PATH_OR_NONE))
row(
    ledger.disagreements,
    lambda tmp_path: dict(stored=tmp_path, fresh=tmp_path),
    dict(stored=NO_PATH, fresh=NO_PATH),
)
row(ledger.Ledger.read, dict, dict(folder=NO_PATH))
row(ledger.Ledger, lambda: dict(rows=[]), dict(rows=["x", 3, None, [3]], seeds=["x", 3, []]))
row(
    ledger.Row,
    lambda: dict(claim="C14", chapter="rates", card=None),
    dict(claim=["C99", 3, None], chapter=["no such", 3, None], card=["x", 3, {}]),
)
row(ledger.Shown, lambda: dict(page="p", text="t"), dict(page=NO_TEXT, text=NO_TEXT))
row(ledger.flipped, lambda: dict(before="holds", after="holds"), dict(before=NO_CHOICE, after=NO_CHOICE))
