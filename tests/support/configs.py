"""Tiny networks as configurations and as folders of weights."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from gram import tasks
from gram import weights as weight_files
from gram.config import Config, ModelConfig, SolveConfig
from gram.models.recursive import Model

SMALLEST = ModelConfig(width=8, hidden=6, heads=2, guidance_hidden=5, mixer_hidden=4, blocks=1, K=1, T=1)
"""To be computed by hand, or only written and read."""
NARROW: dict[str, Any] = {"width": 16, "hidden": 16, "mixer_hidden": 8, "guidance_hidden": 16, "K": 1, "T": 1}
"""Changes of a recipe that make its network small."""
TINY = ModelConfig(
    width=32, heads=4, hidden=32, mixer="swiglu", mixer_hidden=32, positions="none", K=1, T=1, guidance_hidden=32
)
ANSWER = SolveConfig(width=4, depth=2, select="checked")


def saved(folder: Path, task: str, **changes) -> Path:
    """Random weights that are chosen for by ANSWER with these changes."""
    config = Config(recipe=f"{task}-tiny", task=task, model=TINY, solve=replace(ANSWER, **changes))
    weight_files.save(folder, config, Model(tasks.task(task).spec, config.model))
    return folder
