"""``python -m dropout_utils.reproduce``: list the studies, run one, write the report."""

import sys

from dropout_utils.reproduce._command import main

sys.exit(main())
