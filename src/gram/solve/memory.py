"""Whether what is asked for fits, asked before it is made: a system that has run out of memory kills without a word."""

from gram.machine import free_memory

GIB = 2**30
ROW = 1000
"""Bytes that the sampler and the choice keep of one trajectory besides its answer, from above."""

SMALL = 16 << 20
"""Bytes that fit anywhere, for which nobody asks: that alone takes milliseconds."""


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
