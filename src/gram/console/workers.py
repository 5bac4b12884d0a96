"""The option --ray of commands: which options do not go with it."""

from collections.abc import Mapping, Sequence
from typing import Any

from gram.cluster import LOCAL, check_installed
from gram.loading import is_bundle


def address(given: Sequence[str] | None) -> str | None:
    """What --ray [ADDRESS] gives: None without it. ValueError for several addresses."""
    if given is None:
        return None
    if len(given) > 1:
        raise ValueError("--ray takes one address at most; put the puzzles before it.")
    return given[0] if given else LOCAL


def check_ray(ray: str | None, weights: str | None, asked: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    """ValueError if Ray is missing, or for an option that needs a single process: `others` by name without dashes, None
    if not given."""
    if ray is None:
        return
    check_installed()
    if is_bundle(weights):
        raise ValueError(f"--ray does not work with the bundle {weights}; leave one of them out.")
    limits = {name.replace("_", "-"): asked.get(name) for name in ("timeout", "total_timeout")}
    for name, value in {**others, **limits}.items():
        if value is not None:
            raise ValueError(f"--ray does not work with --{name}; leave one of them out.")


def alone(ray: str | None, name: str) -> None:
    """ValueError for a task that one process answers."""
    if ray is not None:
        raise ValueError(f"{name} is answered by one process; leave out --ray.")
