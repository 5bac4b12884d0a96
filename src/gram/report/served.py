"""Tables of the server, from the files in bench/ that benchmarks/serving.py writes."""

from collections.abc import Callable, Iterator
from typing import Any

from gram.report import origins
from gram.report.grid import Grid, Line, grid
from gram.report.results import HARDWARE, machine_of
from gram.report.shapes import COUNT, NUMBER, TEXT, Each

PROGRAM = "python benchmarks/serving.py"
Part = dict[str, Any]
Rows = list[Part]
Lines = Iterator[tuple[str, str]]
"""What was measured, and the figure."""
TIMES = {"p50_ms": NUMBER, "p95_ms": NUMBER}
MEMORY = {"mib_before": NUMBER}
SHAPE: dict[str, Any] = {
    **{"dtype": TEXT, "hardware": HARDWARE},
    "?throughput": {
        "clients": COUNT,
        "puzzles": COUNT,
        "server_per_second": NUMBER,
        "share": NUMBER,
        "?share_of_command": NUMBER,
    },
    "?latency": {"requests": COUNT, "server": TIMES, "p50_ratio": NUMBER, "p95_ratio": NUMBER},
    "?mixed": dict.fromkeys(("requests", "lost", "late", "wrong"), COUNT) | {"p50_ms": NUMBER, "p99_ms": NUMBER},
    "?queue": {"requests": COUNT, "queue": COUNT, "answers": Each(TEXT, COUNT), "mib_after": NUMBER, **MEMORY},
    "?fairness": {"small": COUNT, "clients": COUNT, "ratio_p95": NUMBER},
    "?gone": {"clients": COUNT, "seconds_to_answer": NUMBER, "mib": NUMBER, **MEMORY},
    "?memory": {"requests": COUNT, "mib_after": NUMBER, "growth": NUMBER, **MEMORY},
    "?worker": dict.fromkeys(
        ("requests", "broken_by_the_kill", "answered_afterwards", "open_at_sigterm", "answered_of_open"), COUNT
    ),
    "?deadlines": [{"deadline_ms": NUMBER, "solved": NUMBER, "puzzles": COUNT, "weights": TEXT, "data": TEXT, **TIMES}],
}


def table(found: Rows) -> Grid | None:
    """What was measured, a line each."""
    lines: list[Line] = []
    for values in found:
        where, origin = (machine_of(values["hardware"]), values["dtype"]), origins.benchmark(values, PROGRAM)
        said = (each for part, say in SAYS.items() if part in values for each in say(values[part]))
        lines += [Line((what, *where, figure), origin) for what, figure in said]
    return grid(("measured", "machine", "arithmetic", "figure"), lines)


def throughput(v: Part) -> Lines:
    figure = f"{v['server_per_second']:.3g} puzzles/s, {v['share']:.0%} of the library's"
    if "share_of_command" in v:
        figure += f", {v['share_of_command']:.0%} of those of `gram solve --input` with its start"
    yield f"{v['clients']} clients that each ask one of {v['puzzles']} puzzles at a time", figure


def latency(v: Part) -> Lines:
    ratios = f"{v['p50_ratio']:.2f} / {v['p95_ratio']:.2f} times the library's"
    yield f"one client, {v['requests']} requests, p50 / p95", f"{between(v['server'])}, {ratios}"


def mixed(v: Part) -> Lines:
    said = f"{v['lost']} lost, {v['late']} late, {v['wrong']} other than the library's"
    yield (
        f"{v['requests']} requests for two tasks at once",
        f"{said}; p50 {seconds(v['p50_ms'])}, p99 {seconds(v['p99_ms'])}",
    )


def short_queue(v: Part) -> Lines:
    answers = ", ".join(f"{count} answered {status}" for status, count in v["answers"].items())
    yield (
        f"{v['requests']} requests at once, a queue of {v['queue']}",
        f"{answers}; {memory_of(v['mib_before'], v['mib_after'])}",
    )


def fairness(v: Part) -> Lines:
    yield (
        f"{v['clients']} small clients beside a request of width 1,000, their p95",
        f"{v['ratio_p95']:.2f} times as long",
    )


def gone(v: Part) -> Lines:
    after = f"the next answer after {v['seconds_to_answer']:.1f} s; {memory_of(v['mib_before'], v['mib'])}"
    yield f"{v['clients']} clients break off mid-stream", after


def memory(v: Part) -> Lines:
    yield f"{v['requests']} requests", f"{memory_of(v['mib_before'], v['mib_after'])}, {v['growth']:+.1%}"


def worker(v: Part) -> Lines:
    broken = f"{v['broken_by_the_kill']} broken, which that worker had; {v['answered_afterwards']} answered afterwards"
    yield f"one of two workers is killed under {v['requests']} requests", broken
    yield f"SIGTERM, {v['open_at_sigterm']} requests open", f"{v['answered_of_open']} answered"


SAYS: dict[str, Callable[[Part], Lines]] = {
    "throughput": throughput,
    "latency": latency,
    "mixed": mixed,
    "queue": short_queue,
    "fairness": fairness,
    "gone": gone,
    "memory": memory,
    "worker": worker,
}
"""The lines of each part."""


def between(v: Part) -> str:
    return f"{v['p50_ms']:.0f} / {v['p95_ms']:.0f} ms"


def seconds(ms: float) -> str:
    return f"{ms / 1000:.3g} s"


def memory_of(before: float, after: float) -> str:
    return f"{before:.0f} -> {after:.0f} MiB"


def deadlines(found: Rows) -> Grid | None:
    """The share of puzzles that are solved by each deadline."""
    heads = ("weights", "puzzles", "machine", "arithmetic", "deadline ms", "solved %", "request, p50 / p95")
    lines: list[Line] = []
    for values in found:
        for row in values.get("deadlines", []):
            what = (
                row["weights"],
                f"{row['puzzles']} of {row['data']}",
                machine_of(values["hardware"]),
                values["dtype"],
            )
            cells = (*what, f"{row['deadline_ms']:g}", f"{100 * row['solved']:.1f}", between(row))
            lines.append(Line(cells, origins.benchmark(values, PROGRAM)))
    return grid(heads, lines)
