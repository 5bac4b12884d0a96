"""The thread of a model: it runs one greenlet per request and computes the steps of all requests as one batch."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from greenlet import getcurrent, greenlet

from gram.serve import metrics
from gram.serve.shared import Pending, SharedNetwork, compute
from gram.solve.backend import Network
from gram.solve.reasoner import Reasoner

AIM = 0.1
"""Target seconds of a step while several requests wait."""
FEWEST = 32
"""A step has at least this many times `first_wave` rows, however slow the machine: fewer cost nearly as much."""
WIDE = 16
"""A request is wide if its step has more than this many times `first_wave` rows; it gets the rows left by others."""
WIDE_AT_ONCE = 4
"""Wide requests that run at once; more would only take memory."""
HELD = 16
"""New requests wait while the running ones hold this many times `active_rows` rows."""
COMPANY = 1.0
"""Seconds for which wide requests leave room for the next small one."""


Work = Callable[[Reasoner, float], Any]
"""The computation of a request: it gets a Reasoner and the seconds left."""


class Full(Exception):
    """The queue is full. `seconds`: when to try again."""

    def __init__(self, seconds: float):
        super().__init__(seconds)
        self.seconds = seconds


class Stopped(Exception):
    """The server stopped before the answer was found."""


@dataclass(eq=False)
class Job:
    """A request that waits or runs."""

    work: Work
    """The computation, see Work."""
    report: Callable[[Any], object]
    """Called with the result or the exception, in the engine's thread."""
    end: float
    """Deadline (time.perf_counter) at which the best answer so far is due."""
    rows: int = 1
    """Approximate rows of its first step."""
    cancelled: bool = False
    """Set when nobody waits for the answer any longer."""
    begin: float = field(default_factory=time.perf_counter)
    thread: greenlet | None = None
    """Its greenlet, once started."""
    pending: Pending | None = None

    @property
    def left(self) -> int:
        """Rows of its step still to compute."""
        return 0 if self.pending is None else self.pending.left


class Engine:
    """One thread that works on the requests of one model."""

    def __init__(self, reasoner: Reasoner, limit: int):
        """`limit`: the most requests that wait or run."""
        self.network, self.limit, self.name = reasoner.network, limit, reasoner.task.spec.name
        shared = cast(Network, SharedNetwork(self.network))
        self.reasoner = Reasoner(reasoner.config, shared, reasoner.task, reasoner.reason)
        self.inbox: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self.lock, self.size = threading.Lock(), 0
        self.narrow: deque[Job] = deque()
        """Small requests that have not started."""
        self.wide: deque[Job] = deque()
        """Wide requests that have not started."""
        self.active: list[Job] = []
        """Running requests, the least recently served first."""
        self.rows, self.seconds, self.each = WIDE * self.network.first_wave, 0.0, 0.0
        """Rows of a step while several requests wait; running means of the seconds per step and per request."""
        self.company, self.until = 0, 0.0
        """Rows of small requests in the last step that had any, and the time until which they count."""
        self.thread = threading.Thread(target=self.run, name=f"gram {self.name}", daemon=True)
        self.thread.start()

    # from other threads -----------------------------------------------------------------------------------
    def submit(self, work: Work, report: Callable[[Any], object], **more: Any) -> Job:
        """Queue a request; see Job. Raises Full if there is no room."""
        with self.lock:
            if self.size >= self.limit:
                raise Full(self.size * self.each)
            self.size += 1
        job = Job(work, report, **more)
        self.inbox.put(job)
        return job

    def stop(self) -> None:
        """End the thread and wait for it: a thread that still computes while Python exits can crash."""
        self.inbox.put(None)
        self.thread.join()

    # in the engine's thread -------------------------------------------------------------------------------
    def run(self) -> None:
        while self.collect():
            self.round()
        for job in (*self.active, *self.narrow, *self.wide):
            self.finish(job, Stopped("The server stops."))

    def round(self) -> None:
        """Drop cancelled requests, start waiting ones and compute one step."""
        for job in [job for job in (*self.active, *self.narrow, *self.wide) if job.cancelled]:
            self.finish(job, None)
        self.begin()
        if self.active:
            self.step()
        metrics.QUEUED.labels(self.name).set(self.size)

    def collect(self) -> bool:
        """Receive new requests, waiting for one if idle. False once the engine is stopped."""
        idle = not (self.active or self.narrow or self.wide)
        try:
            while True:
                job = self.inbox.get(block=idle)
                if job is None:
                    return False
                (self.wide if job.rows > WIDE * self.network.first_wave else self.narrow).append(job)
                idle = False
        except queue.Empty:
            return True

    def begin(self) -> None:
        """Start waiting requests while the limit on rows allows."""
        most = HELD * self.network.active_rows
        held = sum(len(job.pending or ()) for job in self.active)
        while self.narrow and held < most:
            held += self.start(self.narrow.popleft())
        at_once = sum(job.rows > WIDE * self.network.first_wave for job in self.active)
        for job in [self.wide.popleft() for _ in range(min(len(self.wide), WIDE_AT_ONCE - at_once))]:
            self.start(job)

    def start(self, job: Job) -> int:
        """Run a request until its first step. Returns the rows of that step."""
        left = max(1e-9, job.end - time.perf_counter() - self.seconds)
        job.thread = greenlet(lambda: job.work(self.reasoner, left), getcurrent())
        self.active.append(job)
        self.resume(job)
        return job.left

    def resume(self, job: Job, *output: Any) -> None:
        """Run a request until its next step, or to its end."""
        assert job.thread is not None
        try:
            result = job.thread.switch(*output)
        except Exception as error:
            self.finish(job, error)
            return
        if job.thread.dead:
            self.finish(job, result)
        else:
            job.pending = result

    def finish(self, job: Job, result: Any) -> None:
        """Remove a finished or cancelled request and report its result."""
        if job.thread is not None and not job.thread.dead:
            job.thread.throw()
        for jobs in (self.active, self.narrow, self.wide):
            if job in jobs:
                jobs.remove(job)
        with self.lock:
            self.size -= 1
        self.each += 0.1 * ((time.perf_counter() - job.begin) / (self.size + 1) - self.each)
        job.report(result)

    def step(self) -> None:
        """Compute a step of the selected requests, then resume those whose rows are complete."""
        shares = self.turns()
        begin = time.perf_counter()
        try:
            compute(self.network, [(job.pending, rows) for job, rows in shares if job.pending is not None])
        except Exception as error:  # out of memory, for example
            for job, _ in shares:
                self.finish(job, error)
            return
        self.pace(sum(rows for _, rows in shares), time.perf_counter() - begin)
        served = {id(job) for job, _ in shares}
        self.active = [job for job in self.active if id(job) not in served] + [job for job, _ in shares]
        for job, _ in shares:
            if job.pending is not None and not job.left:
                output, job.pending = job.pending.output(self.network), None
                self.resume(job, output)

    def turns(self) -> list[tuple[Job, int]]:
        """The requests of the next step and their rows: those near their deadline first, then round-robin. While there
        are small requests, wide ones share half as many rows, which hardly delays the small ones."""
        now = time.perf_counter()
        waiting = [job for job in self.active if job.pending is not None]
        kind = waiting[0].pending.kind  # pyright: ignore[reportOptionalMemberAccess]
        waiting = [job for job in waiting if job.pending is not None and job.pending.kind == kind]
        waiting.sort(key=lambda job: job.end - now > 2 * self.seconds)
        broad = WIDE * self.network.first_wave
        shares, room = [], self.rows
        for job in waiting:
            if len(job.pending or ()) <= broad and room:
                shares.append((job, min(job.left, room)))
                room -= shares[-1][1]
        if shares:
            self.company, self.until = self.rows - room, now + COMPANY
        elif now > self.until:
            self.company = 0
        room = max(self.network.first_wave, self.company // 2) if self.company else self.rows
        for job in waiting:
            if len(job.pending or ()) > broad and room:
                shares.append((job, min(job.left, room)))
                room -= shares[-1][1]
        return shares

    def pace(self, rows: int, seconds: float) -> None:
        """Adapt the rows of a step to what this machine computes in AIM seconds."""
        self.seconds += 0.3 * (seconds - self.seconds)
        metrics.STEPS.labels(self.name).observe(rows)
        if seconds > 2 * AIM and rows >= self.rows:
            self.rows = max(FEWEST * self.network.first_wave, self.rows // 2)
        elif seconds < AIM / 2 and rows >= self.rows:
            self.rows = min(max(self.network.active_rows, self.rows), 2 * self.rows)
