"""Where things lie."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The checkout."""
DATA = Path(os.environ.get("GRAM_DATA", ROOT.parent / "shared" / "data"))
"""Data sets, which need not be there."""
