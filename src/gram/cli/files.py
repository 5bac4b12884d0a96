"""data, export, import: what comes into the house and what leaves it."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


def data(
    name: Positional[str],
    /,
    *,
    source: Annotated[Path | None, arg(name="from")] = None,
    out: Path | None = None,
    mirror: str | None = None,
) -> int:
    """Store a public data set where recipes find it, with its checksums in manifest.json; or check one that is stored.
    It is copied from a folder that holds it, or downloaded; a download that broke off is gone on with.

    Args:
        name: sudoku-extreme, maze-30, arc-1, arc-2 or mnist.
        source: A folder laid out like the data folder; the data folders themselves if not given.
        out: The data folder to store in; the one in GRAM_DATA or data/ if not given.
        mirror: An address to download from instead of the original hosts, with the same paths below it.
    """
    from gram.tasks import datasets, download, store

    stored = datasets.obtain(
        name, out or store.data_folders()[0], source=source, mirror=mirror, report=download.progress
    )
    for file, facts in stored.files.items():
        print(f"{stored.folder / file}  {facts['bytes']:,} bytes  sha256 {facts['sha256']}")
    print(f"{name} {'is as it was stored' if stored.found else 'is stored and checked'}; it came from {stored.origin}.")
    return 0


def export(
    weights: Positional[str], /, *, out: Path, int8: bool = False, web: bool = False, official: bool = False
) -> int:
    """Write a bundle: ONNX graphs, config, model card and checksums. It answers with numpy and onnxruntime alone, by
    `python -m gram.ship.runtime OUT` or as --weights OUT. Or with --official a checkpoint.

    Args:
        weights: Shipped weights by name or the folder of a run.
        out: A new folder.
        int8: Matrix products in 8 bits: a third of the size.
        web: A page beside it that solves in a browser, of queens and Sudoku.
        official: A checkpoint of the published TRM or HRM code instead, if the architecture is theirs.
    """
    if official:
        from gram.ship.official import export_official

        if int8 or web:
            raise ValueError(
                "Checkpoints of the published code are float32 and no page; leave out --int8, --web or --official."
            )
        export_official(weights, out)
        return 0
    from gram.ship import export as ship

    ship.export(weights, out, int8=int8, web=web)
    return 0


def import_official(checkpoint: Positional[Path], /, *, out: Path, task: str | None = None) -> int:
    """Make weights of a checkpoint of the published TRM or HRM code, with its all_config.yaml beside it.

    Args:
        checkpoint: The file, or the folder of a run: its file `checkpoint` or newest step_N.
        out: A new folder.
        task: The task; sudoku-9 or maze-30, as the vocabulary tells, if not given.
    """
    from gram.ship import official

    official.import_official(checkpoint, out, task=task)
    return 0
