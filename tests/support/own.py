"""One's own data, and tasks of other packages."""

import json
from pathlib import Path

import numpy as np

CHECK = "def check(x, y):\n    return sorted(x) == sorted(y) == list(y)\n"
"""Of sorting, for lists."""


REPAIR = "import repair_task\nfrom repair_task import Repair\n\nrepair_task.COUNTS['train'] = 400\n"
"""A module with the task of examples/repair_task.py, with a tenth of its tables: each takes a millisecond."""


def jsonl(path: Path, rows) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def sorting(count: int = 200) -> list[dict]:
    """Lists of two to five integers, and the same in order."""
    rng = np.random.default_rng(0)
    lists = [rng.integers(0, 9, rng.integers(2, 6)).tolist() for _ in range(count)]
    return [{"input": some, "target": sorted(some)} for some in lists]


def register(folder: Path, package: str, entries: dict[str, str]) -> None:
    """What an installed package leaves in a folder of sys.path for its entry points to be found."""
    meta = folder / f"{package}-1.0.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"{name} = {value}\n" for name, value in entries.items()]
    (meta / "entry_points.txt").write_text("[gram.tasks]\n" + "".join(lines))
