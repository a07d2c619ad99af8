"""Run a stage that is a function: ``python -m lumier_analysis.pipeline.build module:function STUDY_FOLDER``.

In a process of its own, because the hash seed and the number of BLAS threads can only be set before Python starts. An
error of the user's is handed back as one line on standard output, family and message.
"""

from __future__ import annotations

import importlib
import sys

from lumier_analysis.errors import LumierError


def main(arguments: list[str]) -> int:
    """Import the function, call it with the study, and return an exit code."""
    from lumier_analysis.study import open_study

    target, folder = arguments
    module, _, name = target.partition(":")
    try:
        getattr(importlib.import_module(module), name)(open_study(folder))
    except LumierError as error:
        print(f"{type(error).__name__}\t{' '.join(str(error).split())}")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
