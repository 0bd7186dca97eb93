"""Bad values for dropout_utils/exercises/quizzes.py."""

from bad_values import row
from bad_values.kinds import NO_TEXT
from dropout_utils import exercises

_OPTIONS = (("a", True, "Yes."), ("b", False, "No."))
NO_OPTIONS = ["ab", 3, None, (), _OPTIONS[:1], list(_OPTIONS), _OPTIONS[:1] * 2, (*_OPTIONS, ("c", 0, "?"))]
row(exercises.quiz, dict, dict(chapter=[*NO_TEXT, "", "no such", "inference-2"]))
row(
    exercises.Question,
    lambda: dict(text="Why?", options=_OPTIONS),
    dict(text=[*NO_TEXT, ""], options=NO_OPTIONS),
)
row(
    exercises.Quiz,
    lambda: dict(chapter="inference", questions=[exercises.Question("Why?", _OPTIONS)]),
    dict(chapter=[*NO_TEXT, ""], questions=["x", 3, None, [], ["Why?"]]),
)
