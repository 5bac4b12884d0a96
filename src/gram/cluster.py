"""Many processes that answer, by Ray: `gram solve`, `eval` and `generate` with --ray.

Every worker process holds the weights once and computes with one thread. Ray starts the workers, gives each the next
shard of puzzles, and gives a shard to another worker if one dies. Noise depends on the seed and the puzzle alone
(gram.solve.noise), so the answers are those of a single process. Ray is imported late, since it is an extra.
"""

import contextlib
import dataclasses
import errno
import importlib.util
import itertools
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import length_hint
from typing import Any, cast

import numpy as np

import gram
from gram.machine import processors
from gram.solve.answer import Answer
from gram.solve.backend import Network
from gram.solve.options import SamplingOptions
from gram.solve.reasoner import Puzzle, Reasoner, Refuse
from gram.solve.sampler import Distributed, Request, Stage, Trajectories, Watch, sample
from gram.tasks.base import Task

VERSION = gram.__version__
LOCAL = "local"
"""The address that starts a Ray of our own on this machine."""
PATIENCE = 20.0
"""Seconds for a cluster to answer."""
RETRIES = 3
"""Further workers that get a shard whose worker has died."""
QUEUED = 2
"""Shards per worker that run or wait, so that none is idle while its next shard travels."""
SHARD = 4, 128
"""Least and most puzzles of a shard: large ones fill batches, small ones at the end keep all workers busy."""
SAMPLES = 16, 1024
"""The same for samples of one puzzle."""
STORE = 256 << 20
"""Bytes of shared memory of our own Ray, which holds the weights."""

Refused = dict[int, str]
"""Errors of invalid puzzles by number, from 1."""


# start ----------------------------------------------------------------------------------------------------
def distributed(reasoner: Reasoner, address: str | None) -> Reasoner:
    """The reasoner whose puzzles the workers of a Ray cluster answer; itself if `address` is None. `address`: HOST:PORT
    of a cluster that this machine belongs to, or LOCAL. ValueError with one sentence if that is impossible."""
    if address is None:
        return reasoner
    if str(reasoner.network.device) != "cpu":
        raise ValueError("The workers of --ray compute on CPUs; add --device cpu.")
    start(address)
    return Distributor(reasoner)


def check_installed() -> None:
    """ValueError if Ray is missing."""
    if importlib.util.find_spec("ray") is None:
        raise ValueError('--ray needs Ray; run pip install "gram-reasoning[ray]".')


def start(address: str) -> None:
    """Connect this process to a cluster, silently; nothing if it is connected already."""
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
    import ray

    if ray.is_initialized():
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == LOCAL:
        os.environ.setdefault("RAY_worker_niceness", "0")  # 15 would leave workers little beside other programs
        options |= {"num_cpus": processors(), "include_dashboard": False, "object_store_memory": STORE}
    else:
        reach(address)
    # Ray would print that a worker died, on standard output, among the answers
    cast(Any, ray)._private.worker.print_to_stdstream = lambda *_, **__: None
    try:
        ray.init(address=address, **options)
    except Exception as error:  # Ray raises many kinds, and Exception itself
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"Ray could not be started ({reason}); see its log in /tmp/ray.") from None


def reach(address: str) -> None:
    """ValueError unless a Ray cluster answers at the address."""
    begin = time.monotonic()
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError, ValueError, OverflowError, subprocess.TimeoutExpired):
        socket.create_connection((host, int(port)), PATIENCE).close()
        # in a process of its own, since Ray may wait for minutes or end its process
        command = [sys.executable, "-m", "ray.scripts.scripts", "status", "--address", address]
        left = PATIENCE - (time.monotonic() - begin)
        if subprocess.run(command, capture_output=True, timeout=left, check=False).returncode == 0:
            return
    raise ValueError(
        f"No Ray cluster answers at {address[:60]!r}; give the HOST:PORT that `ray start --head` printed, or leave it "
        "out to use this machine alone."
    )


# the workers ----------------------------------------------------------------------------------------------
class Workers:
    """The workers of the connected cluster, with the copies of one reasoner."""

    def __init__(self, reasoner: Reasoner):
        import ray

        self.ray, self.held = ray, ray.put(reasoner)
        self.call: Any = ray.remote(num_cpus=1, max_retries=RETRIES)(portable())

    def __len__(self) -> int:
        """The number of workers, one per CPU of the cluster; it may grow."""
        return max(1, int(self.ray.cluster_resources().get("CPU", 1)))

    def map(self, function: str, shards: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        """Call a function of WORK with each shard; yield (number of the shard, result) as they come. At most QUEUED
        shards per worker are read ahead."""
        waiting, running = enumerate(shards), {}
        try:
            while True:
                room = QUEUED * len(self) - len(running)
                for number, shard in itertools.islice(waiting, max(0, room)):
                    running[self.call.remote(VERSION, [self.held], function, shard)] = number
                if not running:
                    return
                [ready], _ = self.ray.wait(list(running), num_returns=1)
                yield running.pop(ready), self.result(ready)
        finally:
            for left in running:
                self.ray.cancel(left)

    def result(self, ready: Any) -> Any:
        """The result of a finished call. ValueError with one sentence for what a worker lacks."""
        from ray import exceptions

        try:
            return self.ray.get(ready)
        except exceptions.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, OSError) and cause.errno == errno.ENOSPC:
                raise full() from None
            if isinstance(cause, ImportError):
                raise ValueError(
                    f"A worker cannot import what it needs ({cause}); install gram {VERSION} on every machine."
                ) from None
            if isinstance(cause, (ValueError, MemoryError)):
                raise cause from None
            raise
        except exceptions.OutOfDiskError:
            raise full() from None
        except (exceptions.WorkerCrashedError, exceptions.NodeDiedError, exceptions.OutOfMemoryError) as error:
            reason = type(error).__name__
            raise ValueError(
                f"Worker after worker died at the same puzzles ({reason}); their machines may lack memory for a "
                "process per core."
            ) from None


def full() -> ValueError:
    return ValueError("The disk of a worker's machine is full; free space in its /tmp, and repeat the command.")


def portable() -> Callable[..., Any]:
    """The function that Ray sends to the workers as code, not by name: there, gram may be missing or another one."""

    def answer(version: str, held: list[Any], function: str, shard: Any) -> Any:
        import gram

        if gram.__version__ != version:
            raise ValueError(
                f"A worker has gram {gram.__version__}, but this command is {version}; install {version} on every "
                "machine of the cluster."
            )
        from gram import cluster

        return cluster.WORK[function](cluster.copy(held[0]), *shard)

    return answer


COPIES: dict[str, Reasoner] = {}
"""The copy of a worker, by reference of the original."""


def copy(original: Any) -> Reasoner:
    """The reasoner of this worker, restored once, with one thread."""
    import ray
    import torch

    if original.hex() not in COPIES:
        torch.set_num_threads(1)  # before the network chooses its number of threads
        COPIES.clear()
        COPIES[original.hex()] = ray.get(original)
    return COPIES[original.hex()]


def answers(
    reasoner: Reasoner, puzzles: list[Puzzle], options: SamplingOptions, width: int | None
) -> tuple[list[Answer], Refused]:
    """The answers to a shard, numbered within it, and what is wrong with the others."""
    refused: Refused = {}
    found = reasoner.parts(iter(puzzles), refused.__setitem__, None, options, width, ordered=True)
    return list(found), refused


def trajectories(reasoner: Reasoner, asked: Request) -> list[Trajectories]:
    """The trajectories of a shard, puzzle by puzzle."""
    numbers = {"widths": asked.widths, "wants": asked.wants}
    return sample(reasoner.network, reasoner.task, asked.puzzles, asked.options, **numbers)


WORK: dict[str, Callable[..., Any]] = {"answers": answers, "trajectories": trajectories}
"""What workers do, by name."""


# in the place of one process ------------------------------------------------------------------------------
class Distributor(Reasoner):
    """A reasoner whose puzzles the workers answer."""

    def __init__(self, reasoner: Reasoner):
        self.workers = Workers(reasoner)
        network = cast(Network, DistributedNetwork(reasoner, self.workers))
        super().__init__(reasoner.config, network, reasoner.task, reasoner.reason)

    def parts(
        self,
        puzzles: Iterator[Puzzle],
        refuse: Refuse | None,
        watch: Watch | None,
        options: SamplingOptions,
        width: int | None,
        ordered: bool,
    ) -> Iterator[Answer]:
        """See Reasoner; answers come by shards."""
        total = length_hint(puzzles, -1)
        firsts, arrived = [0], 0

        def shards() -> Iterator[tuple[list[Puzzle], SamplingOptions, int | None]]:
            while part := list(itertools.islice(puzzles, fair(total, firsts[-1], len(self.workers), SHARD))):
                firsts.append(firsts[-1] + len(part))
                yield part, options, width

        ready: dict[int, list[Answer]] = {}
        following = 0
        for k, (found, refused) in self.workers.map("answers", shards()):
            for number, sentence in refused.items():
                if refuse is None:
                    raise ValueError(sentence if total == 1 else f"Puzzle {firsts[k] + number}: {sentence}")
                refuse(firsts[k] + number, sentence)
            if watch is not None and found:
                numbers = range(arrived, arrived + len(found))
                watch(ended([(n, 0) for n in numbers], [answer.evaluations for answer in found], numbers))
            arrived += len(found)
            ready[k] = [dataclasses.replace(a, number=firsts[k] + a.number, task=self.task) for a in found]
            if not ordered:
                following = k
            while following in ready:
                yield from ready.pop(following)
                following += 1


class DistributedNetwork(Distributed):
    """A network whose puzzles the workers sample. Everything else is that of the original."""

    def __init__(self, reasoner: Reasoner, workers: Workers):
        self.reasoner, self.workers = reasoner, workers

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reasoner.network, name)

    def completed(self, task: Task, asked: Request, watch: Watch | None) -> Iterator[tuple[int, Trajectories]]:
        """See gram.solve.sampler. The samples of a single puzzle are divided, too, if no checker ends it."""
        assert task is self.reasoner.task
        assert asked.options.timeout is asked.options.total_timeout is None
        total = len(asked.puzzles)
        if total == 1 and asked.wants is None:
            yield 0, self.samples(asked, watch)
            return
        parts: list[slice] = []

        def shards() -> Iterator[tuple[Request]]:
            for part in slices(total, self.workers, SHARD):
                parts.append(part)
                yield (asked.part(part),)

        arrived = 0
        for k, found in self.workers.map("trajectories", shards()):
            if watch is not None:
                ran = [(arrived + i, n, s) for i, each in enumerate(found) for n, s in enumerate(each.steps) if s]
                watch(ended([(i, n) for i, n, _ in ran], [s for *_, s in ran], range(arrived, arrived + len(found))))
            arrived += len(found)
            yield from enumerate(found, parts[k].start)

    def samples(self, asked: Request, watch: Watch | None) -> Trajectories:
        """The trajectories of the only puzzle."""
        parts = list(slices(asked.widths[0], self.workers, SAMPLES))

        def shards() -> Iterator[tuple[Request]]:
            for part in parts:
                count, first = part.stop - part.start, asked.options.first + part.start
                options = dataclasses.replace(asked.options, width=count, first=first)
                yield (dataclasses.replace(asked, options=options, widths=[count]),)

        found: dict[int, Trajectories] = {}
        for k, [some] in self.workers.map("trajectories", shards()):
            found[k] = some
            if watch is not None:
                over = [0] if len(found) == len(parts) else []
                watch(ended([(0, parts[k].start + n) for n in range(len(some))], some.steps, over))
        arrays = ("answers", "steps", "value", "halt", "finished")
        ordered = [found[k] for k in range(len(parts))]
        return Trajectories(*(np.concatenate([getattr(each, name) for each in ordered]) for name in arrays))


def fair(total: int, taken: int, workers: int, sizes: tuple[int, int]) -> int:
    """The size of the next shard, which falls towards the end; total: -1 if it is unknown."""
    least, most = sizes
    return most if total < 0 else min(most, max(least, (total - taken) // (2 * QUEUED * workers)))


def slices(total: int, workers: Workers, sizes: tuple[int, int]) -> Iterator[slice]:
    """`total` items divided into shards."""
    at = 0
    while at < total:
        size = min(total - at, fair(total, at, len(workers), sizes))
        yield slice(at, at + size)
        at += size


def ended(rows: list[tuple[int, int]], steps: Sequence[int] | np.ndarray, over: Sequence[int]) -> Stage:
    """The stage at which rows ended after so many supervision steps each, for those that count them."""
    n, since = len(rows), np.asarray(steps, np.int64)
    nothing, yes = np.zeros(n, np.float32), np.ones(n, bool)
    blank = np.zeros((n, 0), np.uint8)
    return Stage(
        rows=rows,
        answers=blank,
        steps=since,
        value=nothing,
        halt=nothing,
        valid=None,
        done=yes,
        leave=yes,
        over=list(over),
        state=(blank, blank),
        pooled=blank,
        logits=np.zeros((n, 0, 0), np.float32),
        since=since,
    )
