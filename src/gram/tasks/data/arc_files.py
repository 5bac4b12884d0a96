"""The stored files of ARC: built from the archives of the public repositories, and checked."""

import gzip
import json
import re
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gram import strict_json, unpack
from gram.tasks.data.files import read_text


def build_arc(files: tuple[str, ...]) -> Callable[[dict[str, Path], Path], None]:
    """Training and evaluation tasks of a repository's archive, one JSON object each: id -> task, ids sorted."""

    def build(arrived: dict[str, Path], folder: Path) -> None:
        tasks: dict[str, dict[str, Any]] = {"training": {}, "evaluation": {}}
        [path] = arrived.values()
        try:
            with unpack.opened(path, path.name) as file, tarfile.open(fileobj=file, mode="r|") as archive:
                for member in archive:
                    place = re.fullmatch(r"[^/]+/data/(training|evaluation)/(\w+)\.json", member.name)
                    content = archive.extractfile(member) if place else None
                    if place and content:
                        task = strict_json.parse(content.read(strict_json.SETTINGS), member.name, "get it again")
                        tasks[place[1]][place[2]] = {part: task[part] for part in ("train", "test")}
        except unpack.Refused:
            raise
        except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
            reason = str(error)[:100]
            raise ValueError(f"{path.name} is no archive of ARC tasks ({reason}); download it again.") from None
        for file, part in zip(files, ("training", "evaluation"), strict=True):
            text = json.dumps(dict(sorted(tasks[part].items())), separators=(",", ":"))
            (folder / file).write_bytes(gzip.compress(text.encode(), mtime=0))

    return build


def check_arc(path: Path) -> None:
    """Tasks with pairs of grids: rows of one length, colors 0 to 9, at most 30 x 30."""
    tasks = strict_json.parse(read_text(path), str(path), "get it again")
    try:
        grids = {
            task: [pair[side] for part in ("train", "test") for pair in pairs[part] for side in ("input", "output")]
            for task, pairs in tasks.items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {str(error)[:100]}"
        raise ValueError(f"{path} holds no ARC tasks ({reason}); get it again.") from None
    if not grids:
        raise ValueError(f"{path} holds no ARC tasks; get it again.")
    for task, some in grids.items():
        if not some or not all(map(is_grid, some)):
            raise ValueError(f"{path}: task {task[:60]} holds something that is no grid of colors 0 to 9.")


def is_grid(grid: Any) -> bool:
    """Whether JSON is a grid of ARC: a list of equally long rows of integers 0 to 9, 1x1 to 30x30."""
    if not isinstance(grid, list) or not 1 <= len(grid) <= 30 or not all(isinstance(row, list) for row in grid):
        return False
    width = len(grid[0])
    cells = [cell for row in grid for cell in row]
    even = 1 <= width <= 30 and all(len(row) == width for row in grid)
    return even and all(type(cell) is int and 0 <= cell < 10 for cell in cells)
