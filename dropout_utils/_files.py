"""Writing a file so that nobody meets half of it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Put a file in place of the last one in one step; a failure leaves the last one and nothing else.

    Parameters
    ----------
    path : Path
        Its folder must be there.
    content : bytes

    Raises
    ------
    OSError
        If the disk is full, or refuses.
    """
    # A name of its own beside the target: two processes never write into one file, and the replacement is
    # one step of the file system.
    temporary = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
