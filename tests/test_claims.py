"""The registry holds the book's twenty-six claims, each with what settles it."""

import dataclasses
import re

import pytest

from dropout_utils import claims


def test_the_registry_holds_c01_to_c26_in_order():
    assert list(claims.CLAIMS) == [f"C{number:02d}" for number in range(1, 27)]
    assert all(entry.id == key for key, entry in claims.CLAIMS.items())


@pytest.mark.parametrize("entry", claims.CLAIMS.values(), ids=lambda entry: entry.id)
def test_every_claim_is_a_sentence_with_known_chapters_and_a_way_to_settle_it(entry):
    for text in filter(None, (entry.sentence, entry.settles, entry.expert, entry.rewording)):
        assert re.fullmatch(r"[A-Z].*\.", text), text
        assert "  " not in text
    assert entry.sentence and entry.settles
    assert entry.chapters and set(entry.chapters) <= set(claims.CHAPTERS)


def test_every_chapter_has_a_claim():
    assert {chapter for entry in claims.CLAIMS.values() for chapter in entry.chapters} == set(claims.CHAPTERS)


def test_the_claim_known_to_be_wrong_has_the_right_sentence():
    assert "Every example of every training step" in claims.CLAIMS["C06"].rewording


def test_the_registry_cannot_be_changed():
    with pytest.raises(TypeError):
        claims.CLAIMS["C27"] = claims.CLAIMS["C01"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        claims.CLAIMS["C01"].sentence = "Something else."


@pytest.mark.parametrize(("wrong", "error"), [("C27", ValueError), ("c01", ValueError), (1, TypeError)])
def test_an_unknown_claim_is_refused_by_name(wrong, error):
    with pytest.raises(error, match=re.escape(f"'C01' to 'C26'; got {wrong!r}")):
        claims.entry(wrong)
