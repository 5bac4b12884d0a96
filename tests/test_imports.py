"""Imports point one way, and never in a circle; tasks and the runtime of bundles need no torch."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import gram

ROOT = Path(gram.__path__[0])
BELOW = {"config", "tasks", "models", "weights", "solve", "measure"}
MAY_IMPORT = {
    "strict_json": set(),
    "fields": set(),
    "atomic": set(),
    "machine": set(),
    "messages": set(),
    "cache": set(),
    "progress": set(),
    "unpack": set(),
    "advice": set(),
    "guidance": set(),
    "config": {"config", "guidance"},
    "recipes": {"config", "tasks", "recipes"},
    "tasks": {"config", "tasks"},
    "models": {"config", "guidance", "models", "tasks.spec"},
    "hub": set(),
    "weights": {"config", "tasks", "models", "hub"},
    "solve": {"config", "tasks", "models", "weights", "solve"},
    "loading": {"hub", "solve", "ship"},
    "fitting": {"config", "recipes", "tasks", "weights", "loading", "solve", "train"},
    "cluster": {"gram", "cluster", "solve", "tasks"},
    "measure": BELOW,
    "train": BELOW | {"train"},
    "ship": BELOW | {"ship"},
    "ship.runtime": {"config", "console", "ship"},
    "console": BELOW | {"hub", "loading", "cluster", "recipes", "ship", "console"},
    "serve": BELOW | {"console", "serve"},
    "bench": BELOW | {"recipes", "train", "bench"},
    "report": BELOW | {"recipes", "console", "report"},
    "reproduce": BELOW | {"recipes", "train", "console", "report", "reproduce"},
}
"""What a room, a root module or one module may import of gram. Those not named (__init__, cli) may import everything.
ship.runtime is a program as cli is: nothing of gram imports it."""
ANYWHERE = {"strict_json", "fields", "atomic", "machine", "messages", "cache", "progress", "unpack", "advice"}
"""Root modules of no room, which import nothing of gram but each other."""
NO_TORCH = {"gram.ship.runtime", "gram.ship.onnx_backend"}
FREE = {"__init__", "__main__", "cli"}
PROGRAMS = {
    "gram",
    "gram.__main__",
    "gram.cli",
    "gram.cli.__main__",
    "gram.ship.runtime",
    "gram.serve.__main__",
    "gram.train.classifier",
}


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
    name = module.removeprefix("gram.")
    room = name if name in MAY_IMPORT else name.split(".")[0]
    names = imported(source, module)
    wrong = [n for n in names if n.split(".")[0] == "torch" and (room == "tasks" or module in NO_TORCH)]
    if room not in FREE:
        inside = {n.removeprefix("gram.") for n in names if n == "gram" or n.startswith("gram.")}
        wrong += [
            n for n in inside if not any(f"{n}.".startswith(f"{allowed}.") for allowed in MAY_IMPORT[room] | ANYWHERE)
        ]
    return [f"{module} imports {n}" for n in sorted(wrong)]


def modules() -> dict[str, Path]:
    return {"gram." + ".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in sorted(ROOT.rglob("*.py"))}


def test_imports_point_one_way():
    found = modules()
    assert len(found) > 15
    wrong = [o for name, path in found.items() for o in offences(name, path.read_text(encoding="utf-8"))]
    assert not wrong, "\n".join(wrong)


def test_no_import_circle():
    found = modules()
    graph = {name: depends(name, path.read_text(encoding="utf-8"), set(found)) for name, path in found.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


def depends(module: str, source: str, known: set[str]) -> set[str]:
    """The modules of gram that `module` imports, wherever the import stands. A name out of a package counts as its
    __init__ unless it is a module; gram/__init__ itself, which imports late what everything else needs, is no part."""
    found = set()
    for name in imported(source, module):
        parts = name.split(".")
        ways = (".".join(parts[:n]) for n in range(len(parts), 1, -1))
        found |= {next((m for way in ways for m in (way, f"{way}.__init__") if m in known), "gram.__init__")}
    return found - {"gram.__init__", module}


def test_programs_are_imported_by_none():
    for name, path in modules().items():
        if name not in ("gram.__main__", "gram.cli.__main__"):
            assert not imported(path.read_text(encoding="utf-8"), name) & (PROGRAMS - {"gram"}), name


def test_every_room_has_its_place():
    rooms = {name.split(".")[1] for name in modules()}
    assert rooms <= set(MAY_IMPORT) | FREE, "say in MAY_IMPORT what the new room may import"


def test_solving_by_itself_needs_no_torch():
    code = "import sys, gram.measure.puzzles, gram.solve.reasoner; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_reporting_needs_no_torch():
    code = "import sys, gram.report.page, gram.report.figures, gram.recipes.plans; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_console_needs_neither_torch_nor_tyro():
    files = [p.stem for p in (ROOT / "console").glob("*.py") if p.stem != "__init__"]
    assert len(files) > 5
    code = f"import sys, {', '.join(f'gram.console.{name}' for name in files)}; "
    code += "sys.exit(bool({'torch', 'tyro'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_test_file_imports_another():
    """What several of them share stands in tests/support and conftest.py."""
    files = {path.stem: path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")}
    assert len(files) > 50
    wrong = {name: {n.split(".")[0] for n in imported(text, name)} & set(files) for name, text in files.items()}
    assert not any(wrong.values()), {name: found for name, found in wrong.items() if found}


def test_no_drawer_for_odds_and_ends():
    assert not [p for p in ROOT.rglob("*.py") if p.stem in ("utils", "common", "helpers", "misc")]


def test_the_walker_sees_what_it_should():
    bad = {
        "gram.tasks.x": [
            "import torch",
            "from torch import nn",
            "from gram.weights import load",
            "from .. import models",
        ],
        "gram.models.x": [
            "from gram.tasks.sudoku.task import Sudoku",
            "import gram",
            "def f():\n    import gram.train.loop",
        ],
        "gram.solve.x": ["from gram.train import loop", "from gram import train", "import gram.cli"],
        "gram.train.x": ["from gram import cli", "from gram.ship.export import export"],
        "gram.config": ["from gram import tasks", "from . import tasks"],
        "gram.recipes": ["from gram.models.recursive import Model"],
        "gram.ship.runtime": ["import torch"],
    }
    for module, sources in bad.items():
        for source in sources:
            assert offences(module, source), (module, source)
    good = {
        "gram.tasks.x": ["import numpy", "from gram.tasks.base import Task", "from . import solvers", "import torchy"],
        "gram.models.x": ["import torch", "from gram.tasks.spec import PAD", "from gram.config import ModelConfig"],
        "gram.train.x": ["from gram import tasks, weights", "from gram.solve.sampler import sample"],
        "gram.cli": ["import torch", "from gram.train.loop import train"],
    }
    for module, sources in good.items():
        for source in sources:
            assert not offences(module, source), (module, source)
