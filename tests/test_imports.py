"""What is cheap to import stays cheap: PyTorch and matplotlib are loaded by what needs them alone."""

import subprocess
import sys

import pytest

CHEAP = [
    "claims", "data", "ensembles", "evidence", "ledger", "masks", "numpy", "replicas", "seeding", "studies",
    "tuning",
]  # fmt: skip


@pytest.mark.parametrize("module", ["dropout_utils", *(f"dropout_utils.{name}" for name in CHEAP)])
def test_importing_loads_neither_torch_nor_matplotlib(module):
    code = f"import sys, {module}; print([m for m in ('torch', 'matplotlib') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
