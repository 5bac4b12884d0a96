"""Numbers that were measured once on this machine, for the processes after: files in the user's cache folder.

A cache only saves time: one that is damaged is written again, and one that cannot be written is done without.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

from gram import strict_json
from gram.atomic import whole
from gram.fields import Range

POSITIVE = Range(1e-9, 1e9)


def file(name: str) -> Path:
    """Where the numbers called `name` are: in $XDG_CACHE_HOME/gram, or ~/.cache/gram."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))  # a relative one does not count, says the XDG specification
    return (base if base.is_absolute() else Path("~/.cache").expanduser()) / "gram" / f"{name}.json"


def recall(name: str, key: str) -> float | None:
    """The number under `key`, None if there is none."""
    return _read(name).get(key)


def remember(name: str, key: str, number: float) -> float:
    """Keep a number under `key`. The one that another process kept meanwhile is returned in its place, so that all that
    began together go on alike."""
    known = _read(name)
    if key in known:
        return known[key]
    with suppress(OSError, RuntimeError):
        path = file(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as temporary:
            temporary.write_text(json.dumps(known | {key: number}, indent=1) + "\n", encoding="utf-8")
    return number


def _read(name: str) -> dict[str, float]:
    try:
        found = strict_json.read_object(file(name))
    except (OSError, ValueError, RuntimeError):  # RuntimeError: no home folder
        return {}
    return {key: float(number) for key, number in found.items() if POSITIVE.fits(number)}
