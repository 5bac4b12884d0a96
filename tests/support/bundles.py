"""Bundles without the seconds that their graphs take."""

import shutil
from collections.abc import Callable
from pathlib import Path

from gram.models.recursive import Model
from gram.ship.onnx_backend import ENCODER, STEP


def graphs_of(bundle: Path) -> Callable[[Model, Path], None]:
    """In the place of `gram.ship.export.write_graphs`: the graphs of a bundle in float32 of the same weights."""

    def copied(_: Model, folder: Path) -> None:
        for graph in (ENCODER, STEP):
            shutil.copyfile(bundle / graph, folder / graph)

    return copied
