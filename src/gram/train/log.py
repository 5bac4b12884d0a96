"""metrics.jsonl, and a progress line on a terminal; a null object for other ranks."""

import contextlib
import json
import logging
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from gram import strict_json
from gram.config import Config
from gram.messages import log as messages
from gram.train.track import Tracker, scalars, tracker

Callback = Callable[[dict[str, Any]], object]
"""Called with every line of metrics.jsonl."""


class Log:
    """One JSON object per line in metrics.jsonl, and one live line on the terminal."""

    def __init__(self, folder: Path, update: int = 0, callback: Callback | None = None):
        """Continue after the lines of `update`; later lines belong to an earlier continuation."""
        self.callback = callback or (lambda _: None)
        self.update, self.path = update, folder / "metrics.jsonl"
        if self.path.is_symlink():
            raise ValueError(f"{self.path} is a link, whose target is never written; remove the link.")
        _cut(self.path, update)
        self.file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115  lives as long as the run
        self.console = Console(stderr=True)
        self.live = sys.stderr.isatty()
        self.last_line = 0.0
        self.tracker = Tracker()
        """The tracker, if any."""

    def tracked(self, track: str | None, config: Config) -> "Log":
        """This log, which also writes to the tracker of that name."""
        self.tracker = tracker(track, self.path.parent, config, self.update, self.warn)
        return self

    def write(self, kind: str, values: dict[str, Any]) -> None:
        """Append {"kind": kind, ...}; numbers that are not finite become null. OSError on a full disk."""
        values = _finite(values)
        if "update" in values:
            self.tracker.log(scalars(kind, values), values["update"])
        try:
            self.file.write(json.dumps({"kind": kind, **values}) + "\n")
            self.file.flush()
        except OSError as error:
            raise OSError(
                f"Could not write {self.path} ({error.strerror}); free some disk space. The last checkpoint is intact."
            ) from error
        self.callback({"kind": kind, **values})

    def progress(self, text: str, *, every: float = 30.0) -> None:
        """The progress line: rewritten in place on a terminal, otherwise a line every `every` seconds."""
        now = time.monotonic()
        if not messages.isEnabledFor(logging.INFO):
            return
        with contextlib.suppress(OSError):  # the terminal is closed; the run continues until a signal stops it
            if self.live:
                self.console.file.write("\r\x1b[2K" + text[: max(20, self.console.width - 1)])
                self.console.file.flush()
            elif now - self.last_line >= every:
                self.last_line = now
                messages.info(text)

    def say(self, text: str, level: int = logging.INFO) -> None:
        """Log a permanent line."""
        messages.log(level, ("\r\x1b[2K" if self.live else "") + text)

    def warn(self, text: str) -> None:
        """Log a permanent line and write it to the metrics."""
        self.say(text, logging.WARNING)
        self.write("warning", {"text": text})

    def close(self) -> None:
        self.tracker.close()
        with contextlib.suppress(OSError):
            if self.live and messages.isEnabledFor(logging.INFO):
                self.console.file.write("\n")
        with contextlib.suppress(OSError):  # `write` has already reported a full disk
            self.file.close()


class NullLog(Log):
    """The log of silent ranks."""

    def __init__(self):
        pass

    def write(self, kind: str, values: dict[str, Any]) -> None:
        pass

    def progress(self, text: str, *, every: float = 30.0) -> None:
        pass

    def say(self, text: str, level: int = logging.INFO) -> None:
        pass

    def close(self) -> None:
        pass


def _cut(path: Path, update: int) -> None:
    """Drop all lines from the first that is later than `update` or damaged by a crash."""
    if not path.exists():
        return
    kept = 0
    for line in path.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n") or _update_of(line) > update:
            break
        kept += len(line)
    os.truncate(path, kept)


def _update_of(line: bytes) -> float:
    """The update of a line; infinite for what is no line of a log."""
    try:
        values = strict_json.parse(line, "The line", "remove it")
    except ValueError:
        return math.inf
    found = values.get("update", 0) if isinstance(values, dict) else None
    return found if isinstance(found, int | float) else math.inf


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
