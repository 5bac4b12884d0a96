"""What the package says on the way: the logger `gram`. Commands show it on standard error; programs as they like.

In a program, `logging.basicConfig(level=logging.INFO)` shows it; without that only warnings are shown.
"""

import contextlib
import logging
import sys
from collections.abc import Iterator

log = logging.getLogger("gram")


class Plain(logging.Handler):
    """The text alone on standard error, as it is now."""

    def emit(self, record: logging.LogRecord) -> None:
        if sys.stderr is not None:  # it may be closed, and print would take standard output
            with contextlib.suppress(OSError):  # the terminal is gone
                print(record.getMessage(), file=sys.stderr, flush=True)


@contextlib.contextmanager
def shown(level: int) -> Iterator[None]:
    """Messages of `level` and above go to standard error meanwhile."""
    handler, before = Plain(), log.level
    log.addHandler(handler)
    log.setLevel(level)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
