"""The page of `gram serve` without a server: a bundle answers in the browser with onnxruntime-web.

client.mjs replaces the client that asks a server; solver.mjs is the sampler's loop and search.mjs that of a search over
candidates, with the guesses of random.mjs; page.json holds their settings."""

import json
import shutil
from pathlib import Path

import numpy as np

from gram.config import Config
from gram.tasks.base import Task

COMMON = Path(__file__).parents[2] / "serve" / "page"
OWN = "client.mjs", "solver.mjs", "search.mjs", "random.mjs"
PAGE = "page.json"
EXAMPLES = "examples.json"
POLICY = "default-src 'self'", "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"
"""The page's content security policy, before and after: WebAssembly must be allowed."""
API = ' <a href="docs">API</a>'


def check(task: Task, config: Config) -> None:
    """ValueError if the page has no rules for the task or cannot start the network."""
    if task.web is None or config.model.start != "fixed":
        raise ValueError(f"The page draws queens and Sudoku with a fixed start, not {task.spec.name}; leave out --web.")
    if config.model.candidates and task.spec.empty:
        raise ValueError(f"The page searches in Sudoku (model.candidates), not in {task.spec.name}; leave out --web.")


def write(folder: Path, task: Task, config: Config, start: tuple[np.ndarray, np.ndarray]) -> None:
    """Write the page into a bundle. start: h and l (1, M, D), the same at every position."""
    check(task, config)
    for path in COMMON.iterdir():
        shutil.copy(path, folder / path.name)
    for name in OWN:
        shutil.copy(Path(__file__).parent / name, folder / name)
    index = (folder / "index.html").read_text(encoding="utf-8").replace("page/", "").replace(*POLICY).replace(API, "")
    (folder / "index.html").write_text(index, encoding="utf-8")
    h, l = start  # noqa: E741
    assert task.web is not None
    examples = json.loads((COMMON / EXAMPLES).read_text(encoding="utf-8")).get(task.spec.name)
    puzzles = {"example": [task.show(task.examples("dev", count=1).inputs[0])]} if examples is None else examples
    (folder / EXAMPLES).write_text(json.dumps({task.spec.name: puzzles}), encoding="utf-8")
    facts = {
        "task": task.spec.name,
        **task.web,
        "vocabulary": task.spec.vocabulary,
        "rows": h.shape[1],
        "channels": h.shape[2],
        "T": config.model.T,
        "noisy": config.model.guide.random,
        "width": config.solve.width,
        "depth": config.solve.depth,
        "halt_threshold": config.solve.halt_threshold,
        "restart_every": config.solve.restart_every or config.solve.depth,
        "candidates": config.model.candidates,
        "drop_below": config.solve.drop_below,
        "give_up_below": config.solve.give_up_below,
        "h": h[0, 0].tolist(),
        "l": l[0, 0].tolist() if l.shape[1] else None,
    }
    (folder / PAGE).write_text(json.dumps(facts), encoding="utf-8")
