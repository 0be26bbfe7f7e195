"""Python code in another process, which it may end."""

from __future__ import annotations

import sys


def python_command(code: str) -> list[str]:
    """The command line that runs `code` with the modules that this process would find.

    By itself Python would look in the working directory first, and import whatever lies there.
    """
    return [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"]
