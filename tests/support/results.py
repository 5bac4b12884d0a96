"""Made-up results files for the report."""

import json
from pathlib import Path
from typing import Any

MARKUP = "<script>alert(1)</script> | x |\nnew [a](javascript:b) ![i](http://x/y.png) \x1b[2J"
"""What no page may take for markup."""
HEADS = {"brier": 0.1, "ece": 0.05, "bins": [[40, 0.05, 0.1], [60, 0.95, 0.9]]}


def figures(valid: float, coverage: float, **more: Any) -> dict[str, Any]:
    """One entry, as `gram eval` records it."""
    group = {"examples": 5, "valid": valid, "coverage": coverage, "coverage_share": coverage}
    values: dict[str, Any] = {"data": "test", "examples": 10, "width": 20, "depth": 4, "select": "majority"}
    values |= {"valid": valid, "coverage": coverage, "conflicts": 3, "exact": None, "date": "2026-01-01"}
    values |= {"function_evaluations": 400, "seconds": 5.0, "by_solutions": {"1": group, "2-5": group, "6+": {}}}
    values |= {"halt_calibration": HEADS, "value_calibration": HEADS}
    share = {"selected_valid": valid, "coverage_share": coverage}
    values["by_width"] = {n: share | {"coverage": coverage * int(n) / 20} for n in ("1", "2", "5", "10", "20")}
    return values | more


def write(folder: Path, recipe: str, seed: int, entries: dict[str, Any], task: str = "queens-8", **more: Any) -> Path:
    path = folder / recipe / f"{seed}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    values = {"recipe": recipe, "task": task, "seed": seed, "parameters": 493059, "seconds": 600.0, "commit": "abc"}
    values |= {"hardware": {"cpu": "tiny", "gpu": None, "threads": 1}, "figures": entries}
    path.write_text(json.dumps(values | more))
    return path
