"""Parallel jobs in processes that never outlive the process that started them."""

import logging
import multiprocessing
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from gram.messages import shown

POLL = 1.0
"""Seconds until an orphaned process notices, and between two progress reports."""


@dataclass(frozen=True)
class Job:
    """The call work(*arguments), whose output is appended to the file `log`. All parts must be picklable."""

    title: str
    log: Path
    work: Callable[..., Any]
    arguments: tuple[Any, ...]


def side_by_side(
    jobs: Sequence[Job], count: int, alive: Callable[[Sequence[Job], int], None] = lambda running, ended: None
) -> Iterator[tuple[Job, Any]]:
    """Yield each job with its result as it ends, running at most `count` at a time. `alive`: called every POLL seconds
    with the running jobs and the number of ended ones.

    An exception of a job is raised here, after the other jobs have been stopped (SIGTERM) and waited for; an interrupt
    of the caller stops them too. A process that ends without a result raises a RuntimeError.
    """
    context = multiprocessing.get_context("spawn")  # threads of torch do not survive a fork
    waiting, running = list(jobs), dict[connection.Connection, tuple[Job, SpawnProcess]]()
    ended = 0
    try:
        while waiting or running:
            while waiting and len(running) < count:
                job = waiting.pop(0)
                print(f"{job.title} (log: {job.log})", flush=True)
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_child, args=(job, theirs, os.getpid()))
                process.start()
                theirs.close()
                running[ours] = job, process
            for ready in connection.wait(list(running), POLL):
                assert isinstance(ready, connection.Connection)
                job, process = running.pop(ready)
                ended += 1
                yield job, _result(job, process, ready)
            alive([job for job, _ in running.values()], ended)
    finally:
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.join()


def _result(job: Job, process: SpawnProcess, ours: connection.Connection) -> Any:
    try:
        result, error = ours.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"{job.title} ended with code {process.exitcode}; see the end of {job.log}.") from None
    process.join()
    if error is not None:
        raise error
    return result


def _child(job: Job, theirs: connection.Connection, parent: int) -> None:
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with open(job.log, "a", encoding="utf-8") as log:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(log.fileno(), stream.fileno())
        try:
            with shown(logging.INFO):
                answer = job.work(*job.arguments), None
        except (Exception, KeyboardInterrupt) as error:
            with suppress(OSError):
                traceback.print_exc()  # only the error itself reaches the parent
            answer = None, error
        with suppress(OSError):  # the parent no longer listens
            theirs.send(answer)


def _watch(parent: int) -> None:
    """End this process once its parent is gone."""
    while os.getppid() == parent:
        time.sleep(POLL)
    os._exit(1)
