"""Time, memory, and the speed of matrix products on this machine. Cases alternate (A B A B ...), so that a slowdown of
the machine affects all of them alike."""

import contextlib
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
import torch.nn.functional as F

GIB = 2**30
SQUARES = {"cpu": (512, 1024, 2048), "cuda": (2048, 4096, 8192)}


class Case(Protocol):
    """Something that can be measured repeatedly."""

    def repeat(self) -> None: ...


def take_turns(cases: Sequence[Case], repeats: int) -> None:
    """Run every case once, then all again, `repeats` times."""
    for _ in range(repeats):
        for case in cases:
            case.repeat()


def spread(values: Sequence[float]) -> float:
    """(largest - smallest) / median."""
    return (max(values) - min(values)) / statistics.median(values)


class Clock:
    """Seconds of wall-clock time, or CPU seconds of the process ("cpu") for one thread on a busy machine."""

    def __init__(self, device: torch.device, kind: Literal["wall", "cpu"] = "wall"):
        if kind == "cpu" and (device.type != "cpu" or torch.get_num_threads() > 1):
            raise ValueError(
                "CPU seconds need a single thread on a CPU; use --threads 1 --device cpu, or --clock wall."
            )
        self.device, self.kind = device, kind
        self.wall = self.cpu = 0.0

    def time(self, run: Callable[[], object]) -> float:
        """The seconds that `run` takes."""
        self.synchronize()
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        self.synchronize()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        self.wall, self.cpu = self.wall + wall, self.cpu + cpu
        return cpu if self.kind == "cpu" else wall

    def synchronize(self) -> None:
        """Wait for the work that a GPU has queued."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    @property
    def busy(self) -> float:
        """CPU seconds per second and thread. Well below 1 on a CPU, other programs took the rest."""
        return self.cpu / max(self.wall * torch.get_num_threads(), 1e-9)


class Timed:
    """A case that is one call, with a warm-up call beforehand. Keeps the seconds of every repetition and the last
    result."""

    def __init__(self, clock: Clock, run: Callable[[], Any]):
        self.clock, self.run = clock, run
        self.result = run()
        self.seconds: list[float] = []

    def repeat(self) -> None:
        self.seconds.append(self.clock.time(self.again))

    def again(self) -> None:
        self.result = self.run()


def comparison(ours: Timed, theirs: Timed) -> dict[str, Any]:
    """Median seconds of both; the ratio of theirs to ours in a repetition (median over repetitions), and its spread."""
    ratios = [b / a for a, b in zip(ours.seconds, theirs.seconds, strict=True)]
    seconds = {"ours": statistics.median(ours.seconds), "theirs": statistics.median(theirs.seconds)}
    return {"seconds_per_turn": seconds, "ratio": statistics.median(ratios), "ratio_spread": spread(ratios)}


class Peak:
    """Matrix products x @ W^T of some dtype: the fastest of several shapes, measured again in every repetition."""

    def __init__(self, clock: Clock, dtype: torch.dtype, shapes: Sequence[tuple[int, int, int]] = ()):
        """shapes: (rows, inputs, outputs), in addition to square products."""
        self.clock, self.dtype = clock, dtype
        self.shapes = [*((n, n, n) for n in SQUARES[clock.device.type]), *shapes]
        self.rates: list[dict[str, float]] = []

    def repeat(self) -> None:
        """Measure the operations per second of every shape, the best of three products each."""
        found = {}
        for rows, inputs, outputs in self.shapes:
            # random, because a GPU multiplies equal numbers faster
            x = torch.randn(rows, inputs, dtype=self.dtype, device=self.clock.device)
            w = torch.randn(outputs, inputs, dtype=self.dtype, device=self.clock.device)
            F.linear(x, w)
            seconds = min(self.clock.time(lambda x=x, w=w: F.linear(x, w)) for _ in range(3))
            found[f"{rows}x{inputs}x{outputs}"] = 2 * rows * inputs * outputs / seconds
        self.rates.append(found)

    def metrics(self) -> dict[str, Any]:
        """The best of a repetition (median over repetitions), its shape, and all shapes."""
        rates = {shape: statistics.median(found[shape] for found in self.rates) for shape in self.rates[0]}
        shape = max(rates, key=lambda name: rates[name])
        return {"best": statistics.median(self.best), "shape": shape, "shapes": rates}

    @property
    def best(self) -> list[float]:
        """The fastest shape of each repetition, in operations per second."""
        return [max(found.values()) for found in self.rates]


class Memory:
    """Peak memory during the repetitions of a case, in GiB: of the whole process, and on the GPU."""

    def __init__(self, device: torch.device):
        self.device = device
        self.resident, self.cuda = 0, 0

    def reset(self) -> None:
        """Start a repetition."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        with contextlib.suppress(OSError):  # only Linux can reset its high-water mark
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")

    def observe(self) -> None:
        """End a repetition."""
        self.resident = max(self.resident, _resident())
        if self.device.type == "cuda":
            self.cuda = max(self.cuda, torch.cuda.max_memory_allocated(self.device))

    def metrics(self) -> dict[str, float | None]:
        return {"peak_rss_gib": self.resident / GIB, "peak_cuda_gib": self.cuda / GIB if self.cuda else None}


def _resident() -> int:
    """Peak resident memory of this process in bytes."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else 1024 * most
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
