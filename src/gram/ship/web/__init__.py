"""A page that answers with a bundle in a browser, by onnxruntime-web: index.html, solver.mjs, and page.json."""

import json
import shutil
from pathlib import Path

import numpy as np

from gram.config import Config
from gram.tasks.base import Task

FILES = "index.html", "solver.mjs"
PAGE = "page.json"


def check(task: Task, config: Config) -> None:
    """ValueError for what the page knows no rules of, or cannot begin."""
    if task.web is None or config.model.start != "fixed":
        raise ValueError(f"The page draws queens and Sudoku with a fixed start, not {task.spec.name}; leave out --web.")
    if config.model.candidates:
        raise ValueError("The page cannot search over candidates (model.candidates); leave out --web.")


def write(folder: Path, task: Task, config: Config, start: tuple[np.ndarray, np.ndarray]) -> None:
    """Put the page into a bundle; start: h and l (1, M, D), the same at every position."""
    check(task, config)
    for name in FILES:
        shutil.copy(Path(__file__).parent / name, folder / name)
    h, l = start  # noqa: E741
    assert task.web is not None
    puzzle = task.examples("dev", count=1).inputs[0]
    facts = {
        "task": task.spec.name,
        **task.web,
        "example": task.show(puzzle).replace("/", ""),
        "vocabulary": task.spec.vocabulary,
        "rows": h.shape[1],
        "channels": h.shape[2],
        "T": config.model.T,
        "noisy": config.model.guide.random,
        "width": config.solve.width,
        "depth": config.solve.depth,
        "halt_threshold": config.solve.halt_threshold,
        "restart_every": config.solve.restart_every or config.solve.depth,
        "h": h[0, 0].tolist(),
        "l": l[0, 0].tolist() if l.shape[1] else None,
    }
    (folder / PAGE).write_text(json.dumps(facts), encoding="utf-8")
