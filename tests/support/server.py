"""Real processes of `gram serve`, and what they say."""

import json
import subprocess
import sys
import time
from pathlib import Path

import httpx

from .boards import FOUR
from .command import run

ONE = {"puzzles": FOUR[0]}
"""The body of a request for sudoku-4."""


class Running:
    """A process of `gram serve`."""

    def __init__(self, folder: Path, *arguments: str | Path, command: list[str] | None = None):
        self.log = folder / "log"
        command = command or [sys.executable, "-m", "gram.cli", "serve", *map(str, arguments), "--port", "0"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stderr=log)
        end = time.monotonic() + 180
        while "docs at" not in self.said:
            assert time.monotonic() < end, self.said
            assert self.process.poll() is None, self.said
            time.sleep(0.05)
        self.url = self.said.split("Serving on ")[1].split(";")[0]
        self.client = httpx.Client(base_url=self.url, timeout=120)

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def said_with(self, text: str) -> str:
        """The log once it has `text`: a line follows the answer that it is about."""
        end = time.monotonic() + 10
        while text not in self.said and time.monotonic() < end:
            time.sleep(0.01)
        assert text in self.said, self.said
        return self.said

    def stop(self) -> int:
        self.client.close()
        self.process.terminate()
        return self.process.wait(30)


def told(capsys, *arguments: str) -> list[dict]:
    """The JSON of a command, without what differs from run to run."""
    ran = run(capsys, *arguments, "--json")
    assert ran.code == 0, ran.err
    return [without_time(json.loads(line)) for line in ran.out.splitlines()]


def without_time(answer: dict) -> dict:
    return {key: value for key, value in answer.items() if key != "seconds"}


def events(text: str) -> list[tuple[str, dict]]:
    """The server-sent events of a response."""
    blocks = (block.split("\n") for block in text.split("\n\n") if block and not block.startswith(":"))
    return [(lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))) for lines in blocks]
