"""Exercises that answer back: ``check("mechanism-1", answer)`` says right, or not yet and why.

Nothing here needs a network. What counts as right stands in one small module for each chapter, and so
do the questions of its quiz. The solutions in the chapters go through the same :func:`check`.

>>> check("inference-1", (0.2, 0.5)).right
False
"""

from dropout_utils.exercises.checking import Result, check
from dropout_utils.exercises.quizzes import Question, Quiz, quiz

__all__ = ["Question", "Quiz", "Result", "check", "quiz"]
