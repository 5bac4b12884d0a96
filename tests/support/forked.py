"""Calls in forked processes: nothing is loaded again, and what they change is theirs alone."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

import torch

SECONDS = 300
"""Then a process that hangs is killed."""


def begun(call: Callable[[], object]) -> BaseProcess:
    """A process that runs `call`; its exit code is 0 unless that raises."""
    process = multiprocessing.get_context("fork").Process(target=_ends, args=(call,))
    process.start()
    return process


def _ends(call: Callable[[], object]) -> None:
    torch.set_num_threads(1)  # its other threads do not survive a fork
    signal.alarm(SECONDS)
    call()
    os._exit(0)  # what this process was in the middle of is not to be ended here


def killed(call: Callable[[], object], owner: Any, name: str, at: int) -> None:
    """Run `call` in a process that is killed when `owner.name` is called for the time `at`, counted from 1."""
    original, calls = getattr(owner, name), []

    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)

    def patched() -> None:
        setattr(owner, name, counted)
        call()

    process = begun(patched)
    process.join()
    assert process.exitcode == -signal.SIGKILL
