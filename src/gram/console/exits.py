"""Exit codes of commands, and errors as one sentence on standard error."""

import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

MOST = 600
"""Maximum characters of a sentence."""
WORDS = (
    "a an another both each either every expected for give graphs hardly if in it line mazes boards digits neither no "
    "none nothing of one only puzzles row rows some spaces split that the there these this those two what where"
)
FIRST = re.compile(rf"({'|'.join(WORDS.split())})\b[ ,]")
"""Words that get a capital at the start; any other first word may be a path or the name of a setting."""
NEEDED = "torch", "tyro", "numpy", "scipy", "safetensors", "rich"
"""Packages that every command needs."""


def ended(command: Callable[[], int]) -> int:
    """The exit code of a command: its own, 2 for bad input, 130 for Ctrl-C, and 0 without a message if the reader of
    its output is gone, as in `gram solve ... | head`."""
    if sys.stderr is None:  # closed, as by 2>&-
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  lives as long as the process
    heard: list[int] = []
    try:
        if sys.stdout is None:
            return fail("Standard output is closed; send it to a file, or to /dev/null.", 2)
        with listening() as heard:
            code = command()
        sys.stdout.flush()
    except KeyboardInterrupt as error:
        return fail(str(error) or "Interrupted.", 130)
    except BrokenPipeError:
        give_up()
        return 0
    except ImportError as error:
        missing = (error.name or "").split(".")[0]
        if missing not in NEEDED:
            raise
        return fail(f"The package {missing} is missing or broken ({error}); run pip install gram-reasoning.", 2)
    except Exception as error:
        if heard:
            return fail("Interrupted.", 130)
        sentence = explain(error) if isinstance(error, (ValueError, OSError, MemoryError, RuntimeError)) else None
        if sentence is None:
            raise
        return fail(sentence, 2)
    return code


@contextlib.contextmanager
def listening() -> Iterator[list[int]]:
    """The signals that Ctrl-C has sent, unless there is another handler. Needed because numpy turns a KeyboardInterrupt
    into a TypeError while it compares records."""
    heard: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        signal.default_int_handler(number, frame)

    alone = threading.current_thread() is threading.main_thread()
    alone = alone and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if alone:
        signal.signal(signal.SIGINT, hear)
    try:
        yield heard
    finally:
        if alone:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def give_up() -> None:
    """Discard buffered output silently, since its reader is gone."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def explain(error: Exception) -> str | None:
    """The error as a sentence; None for a bug, which needs its traceback."""
    text = str(error)
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "memory" in text.lower()):
        return "There is not enough memory for this; use a smaller width, batch or model."
    if isinstance(error, RuntimeError):
        return None
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f': {error.filename}' if error.filename else ''}."
    return text


def fail(sentence: str, code: int) -> int:
    """Print the error and return `code`."""
    if (out := sys.stdout) is not None:
        try:
            out.flush()
        except BrokenPipeError:
            give_up()
        except OSError:  # the disk may be full; close it, so that nothing follows the sentence
            with contextlib.suppress(OSError):
                out.close()
    with contextlib.suppress(OSError):  # the terminal is closed
        print(f"gram: {complete(sentence) if code == 2 else brief(sentence)}", file=sys.stderr, flush=True)
    return code


def brief(text: str) -> str:
    """The text on one line, without control characters that a terminal obeys. If it is longer than MOST, its middle is
    cut: that is usually quoted input, and the advice is at the end."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in " ".join(text.split()))
    return line if len(line) <= MOST else f"{line[: MOST // 2]} ... {line[-MOST // 3 :]}"


def complete(sentence: str) -> str:
    """The same, with a capital and a full stop."""
    line = brief(sentence)
    if FIRST.match(line):
        line = line[0].upper() + line[1:]
    return line if line.endswith((".", "?", "!")) else f"{line}."
