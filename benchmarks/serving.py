"""The server beside the library, on this machine: python benchmarks/serving.py --out results/bench/serving.json

throughput: clients that each ask one puzzle at a time, beside the library with all puzzles at once; by the clock, and
by the seconds that the processes compute, which other work disturbs less. latency: one client, in turns with the
library. mixed: requests for two tasks all at once, compared with the library. queue: the same with a short queue.
fairness: small requests with and without a wide one beside them. gone: clients that break off in the middle of a
stream. worker: one of two workers is killed under load, then the server is ended under load. deadlines: the share of
puzzles of a data file that are solved within each deadline, by `--weights` with their own width and depth.

The cases of schemathesis are in a test: GRAM_SCHEMA_CASES=10000 pytest -s tests/test_schema.py
"""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

import gram
from gram.measure.record import hardware
from gram.tasks.data.store import load_examples
from gram.weights import write_json

DEADLINES = 50, 100, 200, 500, 1000, 5000
TICKS = os.sysconf("SC_CLK_TCK")


# a server -------------------------------------------------------------------------------------------------
class Server:
    """A process of `gram serve`; numbers come from /proc."""

    def __init__(self, process: subprocess.Popen[str], host: str, port: int):
        self.process, self.host, self.port = process, host, port

    @property
    def computed(self) -> float:
        """Seconds that the process has computed."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def mib(self) -> float:
        """Its memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    @property
    def workers(self) -> list[int]:
        """The processes that answer."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [pid for pid in map(int, children) if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]


@contextmanager
def serving(names: Sequence[str], dtype: str, *options: str) -> Iterator[Server]:
    """A server of these weights with as many threads as this process."""
    command = [sys.executable, "-m", "gram.cli", "serve", *names, "--port", "0", "--dtype", dtype, *options]
    command += ["--threads", str(torch.get_num_threads())]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    line = ""
    while "Serving on" not in line:
        line = process.stderr.readline()
        if not line:
            raise ValueError("The server does not start; run `gram serve` by hand to see why.")
    host, port = line.split("http://")[1].split(";")[0].split(":")
    drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
    server = Server(process, host, int(port))
    try:
        yield server
    finally:
        process.terminate()
        process.wait()
        drain.wait()


class Client:
    """A connection that stays open: little else than the bytes, so that it takes little from the server."""

    def __init__(self, server: Server):
        self.server = server
        self.reader: asyncio.StreamReader | None = None

    async def ask(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body of a response."""
        writer = await self.send(path, body)
        assert self.reader is not None
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length:")[1].split()[0])
        answer = json.loads(await self.reader.readexactly(length))
        if "connection: close" in head:
            writer.close()
            self.reader = None
        return int(head.split()[1]), answer

    async def send(self, path: str, body: dict[str, Any]) -> asyncio.StreamWriter:
        if self.reader is None:
            self.reader, self.writer = await asyncio.open_connection(self.server.host, self.server.port)
        data = json.dumps(body).encode()
        head = f"POST /v1/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
        self.writer.write(head.encode() + data)
        return self.writer


Request = tuple[str, dict[str, Any]]


async def ask_all(server: Server, requests: Sequence[Request], clients: int) -> list[tuple[int, dict[str, Any], float]]:
    """Status, body and seconds of each request, by so many clients that ask one at a time."""
    waiting = iter(enumerate(requests))
    found: list[Any] = [None] * len(requests)

    async def run() -> None:
        client = Client(server)
        for i, (path, body) in waiting:
            begin = time.perf_counter()
            found[i] = (*await client.ask(path, body), time.perf_counter() - begin)

    await asyncio.gather(*(run() for _ in range(clients)))
    return found


# what is measured -----------------------------------------------------------------------------------------
def texts(reasoner: gram.Reasoner, count: int) -> list[str]:
    """Puzzles of dev, the same ones again where there are few."""
    inputs = reasoner.task.examples("dev", count=count).inputs
    return [reasoner.task.show(inputs[i % len(inputs)]) for i in range(count)]


def requests(name: str, puzzles: Sequence[str], **options: Any) -> list[Request]:
    return [(f"{name}/solve", {"puzzles": puzzle, **options}) for puzzle in puzzles]


def percentiles(seconds: Sequence[float], *which: float) -> dict[str, float]:
    """Milliseconds."""
    return {f"p{q:g}_ms": float(np.percentile(seconds, q)) * 1000 for q in which}


def throughput(server: Server, reasoner: gram.Reasoner, count: int, clients: int) -> dict[str, Any]:
    """The library, the command `gram solve --input` with its start, and the server in turns, five of each; medians."""
    puzzles = texts(reasoner, count)
    asyncio.run(ask_all(server, requests("queens-8", puzzles[:clients]), clients))  # warm
    reasoner.solve(puzzles[:clients])
    library, served, command = [], [], []
    for _ in range(5):
        begin, computed = time.perf_counter(), time.process_time()
        list(reasoner.answers(puzzles))
        library.append((time.perf_counter() - begin, time.process_time() - computed))
        command.append(seconds_of_command(puzzles, reasoner.network.dtype))
        begin, computed = time.perf_counter(), server.computed
        found = asyncio.run(ask_all(server, requests("queens-8", puzzles), clients))
        served.append((time.perf_counter() - begin, server.computed - computed))
        assert all(status == 200 for status, _, _ in found)
    (library_s, library_cpu), (server_s, server_cpu) = np.median(library, 0), np.median(served, 0)
    return {
        "clients": clients,
        "puzzles": count,
        "library_per_second": count / library_s,
        "server_per_second": count / server_s,
        "command_per_second": count / np.median(command),
        "share": library_s / server_s,
        "share_of_command": np.median(command) / server_s,
        "share_of_computing": library_cpu / server_cpu,
    }


def seconds_of_command(puzzles: Sequence[str], dtype: str) -> float:
    """Of `gram solve --input`, from its start to its end."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "puzzles.txt"
        file.write_text("\n".join(puzzles) + "\n")
        command = [sys.executable, "-m", "gram.cli", "solve", "queens-8", "--input", str(file), "--json", "--quiet"]
        threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
        begin = time.perf_counter()
        done = subprocess.run([*command, "--dtype", dtype], capture_output=True, text=True, env=os.environ | threads)
        seconds = time.perf_counter() - begin
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == len(puzzles)
    return seconds


def latency(server: Server, reasoner: gram.Reasoner, count: int) -> dict[str, Any]:
    async def turns() -> tuple[list[float], list[float]]:
        client, served, alone = Client(server), [], []
        for puzzle in texts(reasoner, count):
            begin = time.perf_counter()
            await client.ask("queens-8/solve", {"puzzles": puzzle, "width": 20, "select": "checked"})
            served.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            reasoner.solve(puzzle, width=20, select="checked")
            alone.append(time.perf_counter() - begin)
        return served[1:], alone[1:]

    served, alone = asyncio.run(turns())
    found = {"server": percentiles(served, 50, 95), "library": percentiles(alone, 50, 95)}
    ratios = {f"p{q}_ratio": found["server"][f"p{q}_ms"] / found["library"][f"p{q}_ms"] for q in (50, 95)}
    return {"requests": len(served)} | found | ratios


def mixed(server: Server, reasoners: dict[str, gram.Reasoner], count: int) -> dict[str, Any]:
    """All at once; sudoku-9 with few short trajectories, so that it ends. lost: requests without an answer. late: those
    that the server's time limit ended, which are compared with nothing. wrong: other answers that are not those of the
    library."""
    options: dict[str, dict[str, Any]] = {"sudoku-9": {"width": 4, "depth": 16}}
    asked = [
        request
        for name, r in reasoners.items()
        for request in requests(name, texts(r, count // len(reasoners)), **options.get(name, {}))
    ]
    order = np.random.default_rng(0).permutation(len(asked))
    asked = [asked[i] for i in order]
    found = asyncio.run(ask_all(server, asked, len(asked)))
    answered: dict[str, Iterator[gram.Answer]] = {}
    for name, reasoner in reasoners.items():
        mine = [body["puzzles"] for path, body in asked if path.startswith(name)]
        answered[name] = reasoner.answers(mine, **options.get(name, {}))
    wrong = lost = late = 0
    for (path, _), (status, body, _) in zip(asked, found, strict=True):
        expected = next(answered[path.partition("/")[0]]).to_dict() | {"seconds": 0, "number": 1}
        lost += status != 200
        if status == 200:
            [answer] = body["answers"]
            late += not answer["complete"]
            wrong += answer["complete"] and answer | {"seconds": 0} != expected
    return {"requests": len(asked), "lost": lost, "late": late, "wrong": wrong} | percentiles(
        [s for *_, s in found], 50, 99
    )


def queue(reasoner: gram.Reasoner, dtype: str, count: int) -> dict[str, Any]:
    with serving(["queens-8"], dtype, "--queue", "16") as server:
        asked = requests("queens-8", texts(reasoner, count))
        asyncio.run(ask_all(server, asked[:4], 4))
        before = server.mib
        found = asyncio.run(ask_all(server, asked, len(asked)))
        statuses = [status for status, _, _ in found]
        told = {str(status): statuses.count(status) for status in sorted(set(statuses))}
        return {"requests": count, "queue": 16, "answers": told, "mib_before": before, "mib_after": server.mib}


def fairness(server: Server, reasoner: gram.Reasoner, count: int, clients: int) -> dict[str, Any]:
    puzzles = texts(reasoner, count)
    wide = {"puzzles": puzzles[0], "width": 1000, "select": "majority", "depth": 48}

    async def beside() -> list[Any]:
        async def widely() -> None:
            client = Client(server)
            while True:
                await client.ask("queens-8/solve", wide)

        task = asyncio.ensure_future(widely())
        await asyncio.sleep(1)
        found = await ask_all(server, requests("queens-8", puzzles), clients)
        assert not task.done()
        task.cancel()
        return found

    without = [s for *_, s in asyncio.run(ask_all(server, requests("queens-8", puzzles), clients))]
    within = [s for *_, s in asyncio.run(beside())]
    told = {"without": percentiles(without, 50, 95), "with": percentiles(within, 50, 95)}
    return {"small": count, "clients": clients, "ratio_p95": told["with"]["p95_ms"] / told["without"]["p95_ms"]} | told


def gone(server: Server, reasoner: gram.Reasoner, clients: int) -> dict[str, Any]:
    """Clients that break off mid-stream. seconds_to_answer: until a request afterwards is answered."""
    puzzle = texts(reasoner, 1)[0]
    body = {"puzzles": puzzle, "select": "majority", "width": 500, "depth": 48}

    async def break_off() -> None:
        client = Client(server)
        writer = await client.send("queens-8/stream", body)
        assert client.reader is not None
        await client.reader.readuntil(b"\r\n\r\n")
        writer.close()

    async def all_of_them() -> None:
        for _ in range(0, clients, 50):
            await asyncio.gather(*(break_off() for _ in range(50)))

    before = server.mib
    asyncio.run(all_of_them())
    begin = time.perf_counter()
    [(status, _, _)] = asyncio.run(ask_all(server, requests("queens-8", [puzzle]), 1))
    seconds = time.perf_counter() - begin
    return {"clients": clients, "status": status, "seconds_to_answer": seconds, "mib_before": before, "mib": server.mib}


def memory(server: Server, reasoner: gram.Reasoner, count: int) -> dict[str, Any]:
    asked = requests("queens-8", texts(reasoner, 100))
    asyncio.run(ask_all(server, asked, 16))
    before = server.mib
    for _ in range(0, count, 100):
        asyncio.run(ask_all(server, asked, 16))
    return {"requests": count, "mib_before": before, "mib_after": server.mib, "growth": server.mib / before - 1}


def worker(reasoner: gram.Reasoner, dtype: str, count: int) -> dict[str, Any]:
    with serving(["queens-8"], dtype, "--workers", "2") as server:
        asked = requests("queens-8", texts(reasoner, count))
        while len(server.workers) < 2 or asyncio.run(ask_all(server, asked[:8], 8)) == []:
            time.sleep(0.2)
        victim = server.workers[0]

        async def killed() -> list[Any]:
            work = [asyncio.ensure_future(ask_all(server, [each], 1)) for each in asked]
            await asyncio.sleep(0.5)
            os.kill(victim, signal.SIGKILL)
            return await asyncio.gather(*work, return_exceptions=True)

        outcome = asyncio.run(killed())
        fallen = sum(isinstance(each, Exception) for each in outcome)
        end = time.monotonic() + 120
        while (victim in server.workers or len(server.workers) < 2) and time.monotonic() < end:
            time.sleep(0.2)
        back = len(server.workers) == 2
        after = asyncio.run(ask_all(server, asked, 8))

        async def ended() -> list[Any]:
            work = [asyncio.ensure_future(ask_all(server, [each], 1)) for each in asked[:32]]
            await asyncio.sleep(0.5)
            server.process.terminate()
            return await asyncio.gather(*work, return_exceptions=True)

        drained = [each for each in asyncio.run(ended()) if not isinstance(each, Exception)]
    return {
        "requests": count,
        "broken_by_the_kill": fallen,
        "worker_is_back": back,
        "answered_afterwards": sum(status == 200 for status, _, _ in after),
        "open_at_sigterm": 32,
        "answered_of_open": sum(each[0][0] == 200 for each in drained),
    }


def deadlines(server: Server, name: str, reasoner: gram.Reasoner, file: str, count: int) -> list[dict[str, Any]]:
    found = load_examples(reasoner.task, (file,), "dev", count=count).inputs
    rows = []
    for deadline in DEADLINES:
        asked = requests("sudoku-9", [reasoner.task.show(x) for x in found], deadline_ms=deadline)
        answers = asyncio.run(ask_all(server, asked, 1))
        solved = sum(body["answers"][0]["valid"] is True for _, body, _ in answers)
        row = {"deadline_ms": deadline, "solved": solved / count, "puzzles": count, "weights": name, "data": file}
        rows.append(row | percentiles([s for *_, s in answers], 50, 95))
    return rows


PARTS = "throughput", "latency", "mixed", "queue", "fairness", "gone", "memory", "worker", "deadlines"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS[:-1]), help="some of them, with commas between")
    parser.add_argument("--requests", type=int, default=1000, help="of mixed, memory (ten times as many) and queue")
    parser.add_argument("--puzzles", type=int, default=512, help="of throughput, latency and fairness")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--data", help="a file of sudoku-9 puzzles for the deadlines")
    parser.add_argument("--weights", default="sudoku-9", help="weights for sudoku-9")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    parts = given.parts.split(",")
    reasoners = {name: gram.load(name, dtype=given.dtype) for name in ("queens-8", given.weights)}
    queens, dtype = reasoners["queens-8"], reasoners["queens-8"].network.dtype
    figures: dict[str, Any] = {"benchmark": "serving", "hardware": hardware(), "threads": given.threads, "dtype": dtype}
    with serving(list(reasoners), given.dtype, "--queue", "5000", "--max-seconds", "3600") as server:
        work = {
            "throughput": lambda: throughput(server, queens, given.puzzles, given.clients),
            "latency": lambda: latency(server, queens, given.puzzles // 8),
            "mixed": lambda: mixed(server, {r.task.spec.name: r for r in reasoners.values()}, given.requests),
            "queue": lambda: queue(queens, given.dtype, given.requests),
            "fairness": lambda: fairness(server, queens, given.puzzles // 2, 8),
            "gone": lambda: gone(server, queens, 500),
            "memory": lambda: memory(server, queens, 10 * given.requests),
            "worker": lambda: worker(queens, given.dtype, 64),
            "deadlines": lambda: deadlines(server, given.weights, reasoners[given.weights], given.data, 200),
        }
        for name in parts:
            figures[name] = work[name]()
            print(json.dumps({name: figures[name]}), flush=True)
            if given.out is not None:
                write_json(given.out, figures)


if __name__ == "__main__":
    main()
