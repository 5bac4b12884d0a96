"""Jobs for processes side by side, in a module that a process loads quickly."""

import os
import time
from pathlib import Path

from gram.reproduce.processes import Job


def work(answer: str, folder: Path) -> str:
    """Raises, dies, waits to be stopped, or answers; tells of its beginning."""
    (folder / answer).write_text(str(os.getpid()))
    print("working", flush=True)
    if answer == "wrong":
        raise ValueError("It went wrong.")
    if answer == "dead":
        os._exit(3)
    while answer == "waits":
        time.sleep(0.05)
    return answer


def job(answer: str, folder: Path) -> Job:
    return Job(answer, folder / f"{answer}.log", work, (answer, folder))
