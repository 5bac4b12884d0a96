"""The thread in which a model answers."""

import dataclasses
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gram.serve.asked import Asked
from gram.solve.reasoner import Answer, Reasoner


class Full(Exception):
    """As many requests wait as may."""


@dataclass
class Job:
    """A request that waits or is worked on."""

    asked: Asked
    report: Callable[[Any], object]
    """Told what was found, or the exception; in the engine's thread."""
    begin: float = field(default_factory=time.perf_counter)
    cancelled: bool = False
    """Set when nobody waits for the answer any more."""


class Engine:
    """One thread that works on the requests of one model."""

    def __init__(self, reasoner: Reasoner, limit: int):
        """`limit`: requests that wait or are worked on at most."""
        self.reasoner, self.limit = reasoner, limit
        self.inbox: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self.lock, self.size = threading.Lock(), 0
        self.thread = threading.Thread(target=self.run, name=f"gram {reasoner.task.spec.name}", daemon=True)
        self.thread.start()

    def submit(self, asked: Asked, report: Callable[[Any], object]) -> Job:
        """Put a request in the queue. Full if there is no room."""
        with self.lock:
            if self.size >= self.limit:
                raise Full
            self.size += 1
        job = Job(asked, report)
        self.inbox.put(job)
        return job

    def stop(self) -> None:
        """End the thread after what is in the queue."""
        self.inbox.put(None)

    def run(self) -> None:
        while (job := self.inbox.get()) is not None:
            try:
                if not job.cancelled:
                    job.report(self.work(job))
            except Exception as error:
                job.report(error)
            finally:
                with self.lock:
                    self.size -= 1

    def work(self, job: Job) -> list[Answer]:
        asked = job.asked
        left = max(1e-9, job.begin + asked.seconds - time.perf_counter())
        options = dataclasses.replace(asked.options, total_timeout=left)
        return list(self.reasoner.answered(asked.questions, options, asked.width))
