"""Runs cases of a fuzzer, each a few calls of the command, in a process that may die, and says which went wrong.

A case is well if each call ends with code 0, or with code 2 and one sentence; if it takes at most SECONDS of a
processor and BYTES of memory; and if nothing of its files was run or written elsewhere (the canary, the audit hook).
"""

import contextlib
import io
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

SECONDS, BYTES = 2.0, 500e6
STUCK = 20
CANARY = "canary"
SENTENCE = re.compile(r"gram: [^a-z\s][^\n]{8,700}\.")
Case = Callable[[Path, int], Iterator[list[str]]]
"""(new folder, number) -> the calls of the command, one after the other."""


@dataclass(frozen=True)
class Fault:
    """A case that went wrong."""

    number: int
    what: str


def faults(script: Path, kind: str, count: int, seed: int, home: Path, first: int = 0) -> Iterator[Fault]:
    """The cases of `kind` that go wrong, `count` from number `first` on; a process that dies is a fault, and the next
    one goes on behind it."""
    done, last = first, first + count
    while done < last:
        command = [sys.executable, str(script), kind, "--worker", str(home)]
        command += ["--first", str(done), "--count", str(last - done), "--seed", str(seed)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("\x02"):
                    number, what = json.loads(line[1:])
                    done = number + 1
                    if what:
                        yield Fault(number, what)
        if done < last and process.returncode != 0:
            yield Fault(done, f"the process died with code {process.returncode}")
            done += 1
        elif done < last:
            raise RuntimeError(f"the worker of {kind} ended at case {done} of {last}")


def work(case: Case, numbers: range, home: Path) -> None:
    """What a worker does: each case in a folder of its own, and a line for it on standard output."""
    resource.setrlimit(resource.RLIMIT_DATA, (8 << 30, 8 << 30))
    (home / CANARY).unlink(missing_ok=True)
    report, written = os.fdopen(os.dup(1), "w"), watch(home)
    list(judge(["info", "queens-8"], home, written))  # what is loaded late is loaded now
    signal.signal(signal.SIGALRM, stuck)
    for number in numbers:
        folder = home / f"case-{number}"
        folder.mkdir()
        found: list[str] = []
        try:
            for arguments in case(folder, number):
                found += judge(arguments, home, written)
        except Exception:  # a fault of the fuzzer itself
            found.append(traceback.format_exc())
        print(f"\x02{json.dumps([number, found[0] if found else ''])}", file=report, flush=True)
        subprocess.run(["rm", "-rf", str(folder)], check=True)


def stuck(*_: object) -> None:
    raise TimeoutError("stuck")


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


def judge(arguments: list[str], home: Path, seen: list[str]) -> Iterator[str]:
    """What is wrong with one call of the command."""
    from gram import cli

    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # the peak restarts
    before, begin = peak(), time.process_time()
    out, err, code = io.StringIO(), io.StringIO(), None
    seen.clear()
    signal.alarm(STUCK)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            cli.main(arguments)
    except SystemExit as ending:
        code = ending.code
    except BaseException as error:
        yield f"{arguments}: {type(error).__name__}: {error}\n{traceback.format_exc()[-1500:]}"
        return
    finally:
        signal.alarm(0)
    seconds, grown = time.process_time() - begin, peak() - before
    said = [line for line in err.getvalue().splitlines() if line.startswith("gram: ")]
    if code == 2 and (len(said) != 1 or not SENTENCE.fullmatch(said[0]) or "\x1b" in said[0]):
        yield f"{arguments}: no sentence: {err.getvalue()[-400:]!r}"
    if code not in (0, 2):
        yield f"{arguments}: code {code}: {err.getvalue()[-400:]!r}"
    if seconds > SECONDS:
        yield f"{arguments}: {seconds:.1f} s: {said}"
    if grown > BYTES:
        yield f"{arguments}: {grown / 1e6:.0f} MB"
    if seen:
        yield f"{arguments}: {seen[0]}"
    if (home / CANARY).exists():
        (home / CANARY).unlink()
        yield f"{arguments}: ran the files' code"


def peak() -> float:
    """Bytes of this process at its largest."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM"):
                return 1024.0 * int(line.split()[1])
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
