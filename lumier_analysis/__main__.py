"""``python -m lumier_analysis``: the same as ``lumier``."""

import sys

from lumier_analysis.cli import main

sys.exit(main())
