"""A quick quiz for each chapter that gives its feedback without a kernel, a network or a script.

Radio buttons and one CSS rule: what was chosen shows the sentence that belongs to it.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from dropout_utils._checks import check_text
from dropout_utils.exercises.checking import chapters, load

__all__ = ["Question", "Quiz", "quiz"]

_LETTERS = "abcdefgh"
_STYLE = (
    "<style>.book-quiz fieldset{border:0;padding:0;margin:0 0 1.6em;min-width:0}"
    ".book-quiz legend{font-weight:600;padding:0;margin:0 0 .3em;font-size:1em;float:none;width:auto}"
    ".book-quiz .option{display:grid;grid-template-columns:auto 1fr;column-gap:.6em;align-items:start}"
    ".book-quiz input{width:1.5rem;height:1.5rem;margin:.25em 0;accent-color:currentColor}"
    ".book-quiz label{padding:.3em 0;margin:0;min-height:24px;font-weight:400;cursor:pointer}"
    ".book-quiz .reply{grid-column:2}"
    ".book-quiz .reply p{display:none;margin:.1em 0 .6em;padding-left:.8em;border-left:3px solid "
    "currentColor}"
    ".book-quiz input:checked~.reply p{display:block}</style>"
)


@dataclass(frozen=True)
class Question:
    """One question: its text, and its options with what each is answered.

    Attributes
    ----------
    text : str
        Code stands in backquotes, here and in the options.
    options : tuple of (str, bool, str)
        The option, whether it is right (one is), and what is said to it.

    Raises
    ------
    TypeError, ValueError
        If there is not exactly one right option among two to eight, or a text is empty.
    """

    text: str
    options: tuple[tuple[str, bool, str], ...]

    def __post_init__(self):
        check_text(self.text, "text")
        shape = "a tuple of two to eight (option, whether it is right, reply)"
        if not isinstance(self.options, tuple) or not 2 <= len(self.options) <= len(_LETTERS):
            raise ValueError(f"options must be {shape}; got {self.options!r}")
        for option in self.options:
            good = isinstance(option, tuple) and len(option) == 3 and isinstance(option[1], bool)
            if not good or not all(isinstance(said, str) and said.strip() for said in option[::2]):
                raise ValueError(f"options must be {shape}; got {self.options!r}")
        if sum(right for _, right, _ in self.options) != 1:
            raise ValueError(f"options must have exactly one right one; got {self.options!r}")


class Quiz:
    """The questions of a chapter; shown, they answer at a click or a key. Made by :func:`quiz`.

    Parameters
    ----------
    chapter : str
        Its name tells the buttons of two quizzes apart.
    questions : sequence of Question

    Raises
    ------
    TypeError, ValueError
        If the name is no text, or there is no question.
    """

    def __init__(self, chapter, questions):
        self.chapter = check_text(chapter, "chapter")
        if not isinstance(questions, (tuple, list)) or not all(isinstance(q, Question) for q in questions):
            raise TypeError(f"questions must be a sequence of Question; got {questions!r}")
        if not questions:
            raise ValueError(f"questions must not be empty; got {questions!r}")
        # in alphabetical order, so that the place of an option says nothing
        self.questions = tuple(
            Question(q.text, tuple(sorted(q.options, key=lambda option: option[0].strip("`.").lower())))
            for q in questions
        )

    def __repr__(self) -> str:
        lines, right = [], []
        for i, question in enumerate(self.questions, 1):
            lines.append(f"{i}. {question.text}")
            for letter, (option, is_right, _) in zip(_LETTERS, question.options, strict=False):
                lines.append(f"   {letter}) {option}")
                right += [f"{i}{letter}"] if is_right else []
        return "\n".join([*lines, f"Right: {', '.join(right)}"])

    def _repr_html_(self) -> str:
        # no <form>: Enter would submit it, and the browser would ask for another page
        fields = "".join(self._fieldset(i) for i in range(len(self.questions)))
        return f'{_STYLE}<div class="book-quiz">{fields}</div>'

    def _fieldset(self, i) -> str:
        question, rows = self.questions[i], []
        name = html.escape(f"quiz-{self.chapter}-{i + 1}", quote=True)
        for j, (option, right, said) in enumerate(question.options, 1):
            # the live region is always there, its paragraph comes and goes: so a screen reader says it
            rows.append(
                f'<div class="option"><input type="radio" name="{name}" id="{name}-{j}">'
                f'<label for="{name}-{j}">{_marked(option)}</label><div class="reply" aria-live="polite">'
                f"<p><strong>{'Right.' if right else 'Not quite.'}</strong> {_marked(said)}</p></div></div>"
            )
        return f"<fieldset><legend>{i + 1}. {_marked(question.text)}</legend>{''.join(rows)}</fieldset>"


def quiz(chapter) -> Quiz:
    """Return the quiz of a chapter.

    Parameters
    ----------
    chapter : str
        Such as ``"mechanism"``.

    Raises
    ------
    TypeError, ValueError
        If there is no such chapter.
    """
    check_text(chapter, "chapter")
    module = load(chapter)
    if module is None:
        raise ValueError(f"chapter must be one of {', '.join(chapters())}; got {chapter!r}")
    return Quiz(chapter, module.QUIZ)


def _marked(text: str) -> str:
    """Escape a text; set what stands in backquotes as code, and quotation marks as print does."""
    parts = re.split(r"`([^`]+)`", text)
    for i in range(0, len(parts), 2):  # the text between the code
        parts[i] = re.sub(r'"([^"]*)"', "“\\1”", parts[i]).replace("'", "’")
    return "".join(f"<code>{html.escape(p)}</code>" if i % 2 else html.escape(p) for i, p in enumerate(parts))
