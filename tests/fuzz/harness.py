"""Runs cases of a fuzzer in a process that may die or hang, and says which went wrong.

A case of the command is well if each call ends with code 0, or with code 2 and one sentence; if it takes at most
SECONDS of a processor and BYTES of memory; and if nothing of its files was run or written elsewhere (the canary, the
audit hook). A case that does not end is stopped by an alarm after STUCK seconds; where even that is not heard, as in a
loop of C, the process is ended after DEAF seconds of a processor. Both are faults with the number of their case.
"""

import contextlib
import faulthandler
import io
import json
import math
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

SECONDS, BYTES = 2.0, 500e6
STUCK, DEAF = 30.0, 120.0
LOADING = 300.0
"""Seconds until the first case of a process is stopped: it loads libraries, and one that is half loaded fails all."""
MALLOC = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""Environment of workers: large pieces of memory go back when they are freed, so that each case shows its own peak."""
CANARY = "canary"
SENTENCE = re.compile(r"gram: (?!(a|an|the|no|row|line|there|this|these) )\S[^\n]{8,700}[.?]")
"""With a capital, unless a path or the name of a setting stands first."""
PYTHONS = re.compile(
    r"codec can't|invalid literal for|cannot reshape|index out of|object is not|has no attribute|could not convert|"
    r"unhashable|positional argument|must be str|zip\(\)|to unpack|not supported between|Traceback|Errno"
)
"""Words of a library, where ours were due."""
CLEAR, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
Call = list[str] | tuple[list[str], float]
Case = Callable[[Path, int], Iterator[Call]]
"""(new folder, number) -> the calls of the command, one after the other, with the seconds that one may take if these
are not SECONDS."""


class Stuck(BaseException):
    """A case that did not end. No Exception, so that no reader takes it for one of its own."""


@dataclass(frozen=True)
class Outcome:
    """What came of a case: what went wrong, or nothing; and of which kind it was."""

    number: int
    what: str
    kind: str = ""


def outcomes(command: Callable[[int, int], list[str]], first: int, last: int) -> Iterator[Outcome]:
    """What came of the cases `first` to `last` - 1, which command(first, count) works off. A process that dies is a
    fault of its case, and the next one goes on behind it."""
    done = first
    while done < last:
        arguments = [sys.executable, *command(done, last - done)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=os.environ | MALLOC) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("\x02"):
                    outcome = Outcome(*json.loads(line[1:]))
                    done = outcome.number + 1
                    yield outcome
        if done < last and process.returncode != 0:
            yield Outcome(done, f"the process died with code {process.returncode}")
            done += 1
        elif done < last:
            raise RuntimeError(f"the worker ended at case {done} of {last}")


@dataclass
class Tally:
    """What came of many cases."""

    faults: list[Outcome] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    """How many cases of each kind there were."""


def gone_through(
    key: str,
    command: Callable[[int, int], list[str]],
    first: int,
    count: int,
    log: Path | None = None,
    portion: int = 500,
) -> Tally:
    """What came of the cases `first` to `first` + `count` - 1. With a log, each portion of them is written to it when
    it is done, and those that stand there under the same `key` are not run again."""
    tally, known = Tally(), {}
    if log is not None and log.exists():
        entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
        known = {(entry["first"], entry["count"]): entry for entry in entries if entry["key"] == key}
    for begin in range(first, first + count, portion):
        size = min(portion, first + count - begin)
        if (begin, size) not in known:
            begun = time.monotonic()
            found = list(outcomes(command, begin, begin + size))
            entry = {"key": key, "first": begin, "count": size, "kinds": Counter(one.kind for one in found)}
            entry["faults"] = [[one.number, one.what, one.kind] for one in found if one.what]
            entry["seconds"] = round(time.monotonic() - begun)
            known[begin, size] = entry
            if log is not None:
                with open(log, "a", encoding="utf-8") as file:
                    file.write(json.dumps(entry) + "\n")
        tally.faults += [Outcome(*fault) for fault in known[begin, size]["faults"]]
        tally.kinds.update(known[begin, size]["kinds"])
    return tally


def tell(outcome: Outcome, report: TextIO) -> None:
    """A line of a worker for `outcomes`."""
    print(f"\x02{json.dumps([outcome.number, outcome.what, outcome.kind])}", file=report, flush=True)


@contextlib.contextmanager
def alarm(seconds: float = STUCK, deaf: float = DEAF) -> Iterator[None]:
    """Stuck in the block if it takes more than `seconds`; the kernel ends the process if it computes for `deaf`
    seconds, after a traceback on standard error."""
    signal.signal(signal.SIGALRM, _stuck)
    faulthandler.register(signal.SIGXCPU, file=2, chain=True)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + deaf), hard))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))


def _stuck(*_: object) -> None:
    raise Stuck


@dataclass
class Cost:
    """Seconds of the processor, and bytes by which a block grew this process at its largest."""

    seconds: float = 0.0
    bytes: float = 0.0

    def faults(self, most: float = SECONDS) -> Iterator[str]:
        if self.seconds > most:
            yield f"{self.seconds:.1f} s"
        if self.bytes > BYTES:
            yield f"{self.bytes / 1e6:.0f} MB"


@contextlib.contextmanager
def measured() -> Iterator[Cost]:
    """The cost of the block, once it has ended."""
    CLEAR.write_text("5")  # the peak restarts from what is held now
    before, begin, cost = peak(), time.process_time(), Cost()
    try:
        yield cost
    finally:
        cost.seconds, cost.bytes = time.process_time() - begin, peak() - before


def peak() -> float:
    """Bytes of this process at its largest since `measured` began."""
    for line in STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM"):
            return 1024.0 * int(line.split()[1])
    raise OSError("The kernel does not say how large this process was.")


# the command ----------------------------------------------------------------------------------------------
def work(case: Case, numbers: range, home: Path) -> None:
    """What a worker does: each case in a folder of its own, and a line for it on standard output."""
    resource.setrlimit(resource.RLIMIT_DATA, (8 << 30, 8 << 30))
    (home / CANARY).unlink(missing_ok=True)
    tempfile.gettempdir()  # tries by writing
    report, written, loaded = os.fdopen(os.dup(1), "w"), watch(home), False
    for number in [numbers[0], *numbers]:  # the first one twice: what is loaded late is loaded then
        folder = home / f"case-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        found: list[str] = []
        try:
            for call in case(folder, number):
                arguments, most = call if isinstance(call, tuple) else (call, SECONDS)
                found += judge(arguments, home, written, STUCK if loaded else LOADING, most)
        except Exception:  # a fault of the fuzzer itself
            found.append(traceback.format_exc())
        if loaded:
            tell(Outcome(number, found[0] if found else ""), report)
        loaded = True
        shutil.rmtree(folder)


def watch(home: Path) -> list[str]:
    """A list to which this process adds what it runs of files below `home`, and what it writes elsewhere."""
    found: list[str] = []
    inside = str(home)

    def hook(event: str, arguments: tuple) -> None:
        if event == "exec" and inside in getattr(arguments[0], "co_filename", ""):
            found.append(f"ran {arguments[0].co_filename}")
        if event in ("os.system", "os.exec", "os.posix_spawn"):
            found.append(f"{event} {arguments[0]!r}")
        if event == "open" and isinstance(arguments[0], str) and isinstance(arguments[2], int):
            writes = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            path = os.path.realpath(arguments[0])
            if (
                writes
                and not path.startswith((inside, "/dev/", "/proc/", "/tmp/torchinductor"))
                and "__pycache__" not in path
            ):
                found.append(f"wrote {path}")

    sys.addaudithook(hook)
    return found


def judge(
    arguments: list[str], home: Path, seen: list[str], stuck: float = STUCK, most: float = SECONDS
) -> Iterator[str]:
    """What is wrong with one call of the command, which is stopped after `stuck` seconds and may take `most`."""
    from gram import cli

    out, err, code = io.StringIO(), io.StringIO(), None
    seen.clear()
    try:
        with measured() as cost, alarm(stuck), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli.main(arguments)
    except SystemExit as ending:
        code = ending.code
    except BaseException as error:
        yield f"{arguments}: {type(error).__name__}: {error}\n{traceback.format_exc()[-1500:]}"
        return
    said = [line for line in err.getvalue().splitlines() if line.startswith("gram: ")]
    if code == 2 and (len(said) != 1 or not SENTENCE.fullmatch(said[0]) or PYTHONS.search(said[0])):
        yield f"{arguments}: no sentence: {err.getvalue()[-400:]!r}"
    if code not in (0, 2):
        yield f"{arguments}: code {code}: {err.getvalue()[-400:]!r}"
    yield from (f"{arguments}: {fault}: {said}" for fault in cost.faults(most))
    if seen:
        yield f"{arguments}: {seen[0]}"
    if (home / CANARY).exists():
        (home / CANARY).unlink()
        yield f"{arguments}: ran the files' code"
