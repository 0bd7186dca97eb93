"""What a line end must not part."""

import pytest
import together

PLAIN = str.maketrans("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(("text", "kept"), [
    ("with 24 seeds each", "24~seeds"), ("1 point or more", "1~point"), ("Table 3 and table 12", "Table~3"),
    ("at rate 0.5", "rate~0.5"), ("seed 7", "seed~7"), ("65,536 masks", "65,536~masks"),
])  # fmt: skip
def test_a_number_stays_with_what_it_counts_or_names(text, kept):
    found = together.together(text)
    assert kept in found.replace("\N{NO-BREAK SPACE}", "~")
    assert found.translate(PLAIN) == text and together.together(found) == found


@pytest.mark.parametrize("text", ["a stable 3", "of 2 to 3", "in 2014 they", "two seeds", "x1 y"])
def test_other_spaces_may_break(text):
    assert together.together(text) == text


def test_a_citation_and_a_hyphened_word_of_a_heading_stay_whole():
    heading = '<h2>A feed-forward <a href="#a-b" title="c-d">#</a></h2>'
    found = together.whole(f"{heading}<p>a-b, Ma <em>et al.</em> [<a>2017</a>]</p>")
    assert '<span class="unbroken">feed-forward</span> <a href="#a-b" title="c-d">' in found
    assert "a-b, Ma~<em>et~al.</em>~[" in found.replace("\N{NO-BREAK SPACE}", "~")


def test_short_code_is_not_broken_and_long_code_may_be():
    code = '<code class="docutils literal notranslate"><span class="pre">{}</span></code>'
    assert 'notranslate unbroken"' in together.whole(code.format("x @ W + b"))
    assert 'notranslate unbroken"' in together.whole(code.format("a &lt; b &amp; c &lt; d"))
    assert "unbroken" not in together.whole(code.format("monte_carlo(model, x, task=task)"))
