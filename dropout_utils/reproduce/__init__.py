"""The papers' experiments, rerun with seeds; ``python -m dropout_utils.reproduce`` lists them.

Each study names the published numbers, trains ours on a processor or a GPU, keeps every seed with its
provenance, and puts theirs beside ours. A run that is stopped goes on where it was, with the same result.
"""

from dropout_utils.reproduce._report import doubts, figure, report, stored, stored_names, table
from dropout_utils.reproduce._run import again, find_device, run
from dropout_utils.reproduce._store import ReproduceError, Store, Task
from dropout_utils.reproduce._studies import find, studies
from dropout_utils.reproduce._study import Published, Row, Run, Study, measured, rows

__all__ = [
    "Published",
    "ReproduceError",
    "Row",
    "Run",
    "Store",
    "Study",
    "Task",
    "again",
    "doubts",
    "figure",
    "find",
    "find_device",
    "measured",
    "report",
    "rows",
    "run",
    "stored",
    "stored_names",
    "studies",
    "table",
]
