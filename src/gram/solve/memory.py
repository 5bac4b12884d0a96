"""Checks of memory before allocation, since a system without memory kills processes without a message."""

from gram.machine import free_memory

GIB = 2**30
ROW = 1000
"""Upper bound of the bytes kept per trajectory in addition to its answer."""

SMALL = 16 << 20
"""Bytes that always fit; below this there is no check, which would take milliseconds."""


def check_width(width: int, puzzles: int, length: int) -> None:
    """ValueError with the width that fits if `width` trajectories of each of the puzzles, with answers of `length`
    tokens, need more memory than is free."""
    each = puzzles * (4 * length + ROW)
    free = free_memory() if width * each > SMALL else None
    if free is not None and width * each > free:
        raise ValueError(
            f"A width of {width} needs about {width * each / GIB:.1f} GiB and {free / GIB:.1f} GiB are free; "
            f"use a width of {max(1, free // each)} at most."
        )
