"""What this machine is called."""

from __future__ import annotations

import contextlib
import platform
from pathlib import Path


def processor() -> str:
    """Name the processor as the operating system does."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
