"""Imports point one way: tasks <- models <- solve <- train <- bench, report, ship, cli (LOG.md)."""

import ast
import subprocess
import sys
from pathlib import Path

import gram

ROOT = Path(gram.__path__[0])
BELOW_SOLVE = {"config", "tasks", "models", "bundle", "solve"}
MAY_IMPORT = {
    "config": set(),
    "recipes": {"config", "recipes"},
    "tasks": {"config", "tasks"},
    "models": {"config", "models", "tasks.base"},
    "bundle": {"config", "tasks", "models"},
    "solve": BELOW_SOLVE,
    "train": BELOW_SOLVE | {"train"},
    "ship": BELOW_SOLVE | {"ship"},
    "bench": BELOW_SOLVE | {"recipes", "train", "bench"},
    "report": BELOW_SOLVE | {"recipes", "train", "report"},
}
"""What a room or root module may import of gram. Those not named (__init__, cli) may import everything."""
FREE = {"__init__", "__main__", "cli"}


def imported(source: str, module: str) -> set[str]:
    """Absolute names of the modules that `source`, the text of `module` (dotted, a package ends in .__init__), imports,
    wherever the import stands. `from a import b` counts as a.b."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*base, node.module] if node.module else base)
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def offences(module: str, source: str) -> list[str]:
    """Imports of `module` ("gram.room.file") that its room may not have."""
    room = module.split(".")[1]
    names = imported(source, module)
    wrong = [n for n in names if n.split(".")[0] == "torch" and (room == "tasks" or module == "gram.ship.runtime")]
    if room not in FREE:
        inside = {n.removeprefix("gram.") for n in names if n == "gram" or n.startswith("gram.")}
        wrong += [n for n in inside if not any(f"{n}.".startswith(f"{allowed}.") for allowed in MAY_IMPORT[room])]
    return [f"{module} imports {n}" for n in sorted(wrong)]


def modules() -> dict[str, Path]:
    return {"gram." + ".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in sorted(ROOT.rglob("*.py"))}


def test_imports_point_one_way():
    found = modules()
    assert len(found) > 15
    wrong = [o for name, path in found.items() for o in offences(name, path.read_text(encoding="utf-8"))]
    assert not wrong, "\n".join(wrong)


def test_every_room_has_its_place():
    rooms = {name.split(".")[1] for name in modules()}
    assert rooms <= set(MAY_IMPORT) | FREE, "say in MAY_IMPORT what the new room may import"


def test_solving_by_itself_needs_no_torch():
    code = "import sys, gram.solve.evaluate, gram.solve.reasoner; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_reporting_needs_no_torch():
    code = "import sys, gram.report.page, gram.report.figures, gram.report.plans; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_drawer_for_odds_and_ends():
    assert not [p for p in ROOT.rglob("*.py") if p.stem in ("utils", "common", "helpers", "misc")]


def test_the_walker_sees_what_it_should():
    bad = {
        "gram.tasks.x": [
            "import torch",
            "from torch import nn",
            "from gram.bundle import load",
            "from .. import models",
        ],
        "gram.models.x": [
            "from gram.tasks.sudoku import Sudoku",
            "import gram",
            "def f():\n    import gram.train.loop",
        ],
        "gram.solve.x": ["from gram.train import loop", "from gram import train", "import gram.cli"],
        "gram.train.x": ["from gram import cli", "from gram.ship.export import export"],
        "gram.config": ["from gram import tasks", "from . import tasks"],
        "gram.recipes": ["from gram.models.family import Model"],
        "gram.ship.runtime": ["import torch"],
    }
    for module, sources in bad.items():
        for source in sources:
            assert offences(module, source), (module, source)
    good = {
        "gram.tasks.x": ["import numpy", "from gram.tasks.base import Task", "from . import exact", "import torchy"],
        "gram.models.x": ["import torch", "from gram.tasks.base import PAD", "from gram.config import ModelConfig"],
        "gram.train.x": ["from gram import bundle, tasks", "from gram.solve.sample import sample"],
        "gram.cli": ["import torch", "from gram.train.loop import train"],
    }
    for module, sources in good.items():
        for source in sources:
            assert not offences(module, source), (module, source)
