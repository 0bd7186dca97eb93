"""What counts as right, a module for each chapter: checkers marked with @exercise, and QUIZ."""
