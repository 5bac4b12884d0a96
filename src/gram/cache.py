"""Numbers that are measured once per machine and reused by later processes, in the user's cache folder.

A cache only saves time: a damaged one is rewritten, and one that cannot be written is ignored.
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
    """The file with the numbers called `name`, in $XDG_CACHE_HOME/gram or ~/.cache/gram."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))  # the XDG specification ignores relative paths
    return (base if base.is_absolute() else Path("~/.cache").expanduser()) / "gram" / f"{name}.json"


def recall(name: str, key: str) -> float | None:
    """The number stored under `key`, or None."""
    return _read(name).get(key)


def remember(name: str, key: str, number: float) -> float:
    """Store a number under `key`. If another process stored one meanwhile, that one is returned, so that processes
    started together use the same number."""
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
