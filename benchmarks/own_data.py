"""Data of one's own, of many kinds, and what `gram train own` makes of them.

    python benchmarks/own_data.py write FOLDER [KIND ...] [--count N]
    gram train own --data FOLDER/walk.jsonl --minutes 4 --out RUN
    python benchmarks/own_data.py measure RUN walk [--count 200] [--width 10]
    python benchmarks/own_data.py run FOLDER [KIND ...] [--minutes 4] [--seed 0] --out results/bench/own-data.jsonl
    python benchmarks/own_data.py run FOLDER [KIND ...] --variant mdlm --out results/bench/own-data.jsonl

`write` makes KIND.jsonl with one known target of perhaps many right ones for each input. `measure` answers new inputs,
made by another seed, and judges the answers by the kind's rules, which training never sees. It prints a line of JSON:
valid (one sample), majority (the most frequent answer of all samples), distinct (different valid answers of an input),
complete (inputs whose right answers were all found, and no wrong one; where the kind lists them). `run` does all three
for each kind with one thread, and adds the lines to a file, with the seconds of `gram train` by the clock.
`--variant` trains a baseline on the same rows instead (VARIANTS).
BENCH are the kinds on which defaults are chosen, TEST others on which nothing is.
"""

import argparse
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

Written = str | list[int]


class Kind(NamedTuple):
    """A kind of data."""

    make: Callable[[random.Random], tuple[Any, Any]]
    """An input and one right target."""
    right: Callable[[Any, Any], bool]
    """Whether an answer to an input is right."""
    count: int = 6000
    """Pairs of the file."""
    every: Callable[[Any], Collection[Any]] | None = None
    """All right answers to an input, where they can be listed."""


def keeps(given: Written, answer: Written, hidden: Any = "?") -> bool:
    """Whether `answer` is `given` with its hidden places filled."""
    return len(given) == len(answer) and all(g in (hidden, a) for g, a in zip(given, answer, strict=True))


def hide(rng: random.Random, whole: str, places: list[int], least: int, most: int) -> str:
    """`whole` with some of `places` hidden."""
    chosen = set(rng.sample(places, rng.randint(least, most)))
    return "".join("?" if i in chosen else symbol for i, symbol in enumerate(whole))


def only(answer: Callable[[Any], Any], make: Callable[[random.Random], Any], count: int = 6000) -> Kind:
    """A kind with a single right answer to each input."""

    def pair(rng: random.Random) -> tuple[Any, Any]:
        made = make(rng)
        return made, answer(made)

    return Kind(pair, lambda x, y: answer(x) == y, count, lambda x: [answer(x)])


# walks ----------------------------------------------------------------------------------------------------
STEPS = (1, 3, 7)
ABC = "abcdefghijklmnopqrstuvwxyz"


def walk(rng: random.Random) -> tuple[str, str]:
    """Twelve digits mod 10 whose steps are +1, +3 or +7; four to eight of them are hidden."""
    digits = [rng.randrange(10)]
    while len(digits) < 12:
        digits.append((digits[-1] + rng.choice(STEPS)) % 10)
    whole = "".join(map(str, digits))
    return hide(rng, whole, list(range(12)), 4, 8), whole


def walks(given: str, answer: str) -> bool:
    """Whether an answer is such a walk and keeps what is given."""
    steps = [(int(b) - int(a)) % 10 for a, b in itertools.pairwise(answer)] if answer.isdecimal() else []
    return keeps(given, answer) and len(steps) == 11 and all(step in STEPS for step in steps)


# dates ----------------------------------------------------------------------------------------------------
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
DATES: dict[str, Callable[[int, int, int], str]] = {
    "dmy": lambda y, m, d: f"{d:02}/{m:02}/{y}",
    "mdy": lambda y, m, d: f"{m:02}/{d:02}/{y}",
    "dm2": lambda y, m, d: f"{d:02}/{m:02}/{y % 100:02}",
    "md2": lambda y, m, d: f"{m:02}/{d:02}/{y % 100:02}",
    "words": lambda y, m, d: f"{d} {MONTHS[m - 1]} {y}",
    "comma": lambda y, m, d: f"{MONTHS[m - 1]} {d}, {y}",
    "short": lambda y, m, d: f"{d}-{MONTHS[m - 1]}-{y % 100:02}",
}
"""Seven ways to write a date; years are 1950 to 2049, so that two digits are enough."""


def date(rng: random.Random) -> tuple[str, str]:
    y, m, d = rng.randrange(1950, 2050), rng.randint(1, 12), rng.randint(1, 28)
    return DATES[rng.choice(list(DATES))](y, m, d), f"{y}-{m:02}-{d:02}"


def readings(text: str) -> set[str]:
    """Every date that is written so."""
    found = set()
    if "/" in text:
        a, b, y = map(int, text.split("/"))
        pairs = [(a, b), (b, a)]
    else:
        words = text.replace(",", "").replace("-", " ").split()
        day, name, year = words if words[0].isdecimal() else (words[1], words[0], words[2])
        pairs, y = [(int(day), MONTHS.index(name) + 1)], int(year)
    y += 0 if y > 99 else 1900 if y > 49 else 2000
    found |= {f"{y}-{m:02}-{d:02}" for d, m in pairs if m <= 12 and d <= 28}
    return found


# strings, numbers, tables ---------------------------------------------------------------------------------
def tree_path(rng: random.Random) -> tuple[str, str]:
    """The edges of a tree of eight vertices in any order, and two vertices: the way between them."""
    names = rng.sample("abcdefgh", 8)
    edges = [(names[rng.randrange(i)], names[i]) for i in range(1, 8)]
    rng.shuffle(edges)
    start, end = rng.sample(names, 2)
    text = " ".join(a + b if rng.random() < 0.5 else b + a for a, b in edges) + f" {start}>{end}"
    return text, way(text)


def way(text: str) -> str:
    *edges, asked = text.split(" ")
    start, end = asked.split(">")
    ways = [start]
    for path in ways:
        if path[-1] == end:
            return path
        ahead = [(a, b) for edge in edges for a, b in (edge, edge[::-1]) if a == path[-1] and b not in path]
        ways += [path + b for _, b in ahead]
    return ""


def addition(rng: random.Random) -> str:
    return f"{rng.randrange(10 ** rng.randint(1, 4))}+{rng.randrange(10 ** rng.randint(1, 4))}"


def total(text: str) -> str:
    a, b = text.split("+")
    return str(int(a) + int(b))


GRADES = "ABCDEF"


def row_of(rng: random.Random) -> tuple[str, str]:
    """A row of a table: region, district, grade, fee and a code that two of them decide. Some cells are hidden."""
    region = rng.randrange(4)
    district = region * 5 + rng.randrange(5)
    grade = rng.randrange(6)
    fee = grade + 2 + rng.randrange(2)
    whole = f"{'NESW'[region]} {'abcdefghijklmnopqrst'[district]} {GRADES[grade]} {fee} {(district + fee) % 10}"
    return hide(rng, whole, [0, 2, 4, 6, 8], 1, 3), whole


def rows_right(given: str, answer: str) -> bool:
    if not keeps(given, answer) or any(answer[i] != " " for i in (1, 3, 5, 7)):
        return False
    region, district = "NESW".find(answer[0]), "abcdefghijklmnopqrst".find(answer[2])
    grade = GRADES.find(answer[4])
    if min(region, district, grade) < 0 or not answer[6].isdecimal() or not answer[8].isdecimal():
        return False
    fee = int(answer[6])
    return district // 5 == region and fee - grade - 2 in (0, 1) and (district + fee) % 10 == int(answer[8])


# more of the bench ----------------------------------------------------------------------------------------
def word(rng: random.Random, symbols: str, least: int, most: int) -> str:
    return "".join(rng.choices(symbols, k=rng.randint(least, most)))


def numbers(rng: random.Random, top: int, least: int, most: int) -> list[int]:
    return [rng.randrange(top) for _ in range(rng.randint(least, most))]


def derangement(rng: random.Random) -> tuple[list[int], list[int]]:
    """Any order of eight numbers in which none stays where it is."""
    given = rng.sample(range(8), 8)
    while True:
        other = rng.sample(given, 8)
        if all(a != b for a, b in zip(given, other, strict=True)):
            return given, other


def deranged(given: list[int], answer: list[int]) -> bool:
    return sorted(answer) == sorted(given) and all(a != b for a, b in zip(given, answer, strict=True))


def latin(rng: random.Random) -> tuple[str, str]:
    """A Latin square of four rows, the rows of a table of sums in any order; six to ten cells are hidden."""
    rows, columns, names = (rng.sample(range(4), 4) for _ in range(3))
    whole = "".join("ABCD"[names[(r + c) % 4]] for r in rows for c in columns)
    return hide(rng, whole, list(range(16)), 6, 10), whole


def latins(given: str, answer: str) -> bool:
    if not keeps(given, answer) or len(answer) != 16:
        return False
    lines = [answer[i : i + 4] for i in range(0, 16, 4)] + [answer[i::4] for i in range(4)]
    return all(sorted(each) == list("ABCD") for each in lines)


def factors(rng: random.Random) -> tuple[str, str]:
    """A number and two factors of it, of two digits each."""
    a, b = rng.randrange(10, 60), rng.randrange(10, 60)
    return f"{a * b:04}", f"{a}*{b}"


def multiplies(given: str, answer: str) -> bool:
    a, _, b = answer.partition("*")
    return len(a) == len(b) == 2 and a.isdecimal() and b.isdecimal() and int(a) * int(b) == int(given)


def lengths_of_runs(text: str) -> str:
    return "".join(f"{symbol}{len(list(run))}" for symbol, run in itertools.groupby(text))


def noisy(kind: Kind, share: float = 0.02) -> Kind:
    """The same with the target of another input in a share of the lines of the file."""

    def pair(rng: random.Random) -> tuple[Any, Any]:
        made, target = kind.make(rng)
        return made, kind.make(rng)[1] if rng.random() < share else target

    return kind._replace(make=pair)


SORTED = only(sorted, lambda rng: numbers(rng, 50, 8, 8))
BENCH: dict[str, Kind] = {
    "walk": Kind(walk, walks),
    "dates": Kind(date, lambda x, y: y in readings(x), 20_000, readings),
    "edges": Kind(tree_path, lambda x, y: y == way(x), 20_000, lambda x: {way(x)}),
    "addition": only(total, addition, 20_000),
    "rows": Kind(row_of, rows_right),
    "sorted": only(sorted, lambda rng: numbers(rng, 50, 8, 8)),
    "sorted-noise": noisy(SORTED),
    "sorted-300": SORTED._replace(count=300),
    "derangement": Kind(derangement, deranged),
    "latin": Kind(latin, latins),
    "factors": Kind(factors, multiplies, 20_000),
    "runs": only(lengths_of_runs, lambda rng: word(rng, "ab", 4, 16), 20_000),
    "reverse-254": only(lambda x: x[::-1], lambda rng: numbers(rng, 254, 12, 12), 20_000),
    "rotate-256": only(lambda x: x[1:] + x[:1], lambda rng: word(rng, "abcde", 256, 256), 3000),
    "parity-many": only(lambda x: [sum(x) % 2, sum(x) % 3, sum(x) % 5], lambda rng: numbers(rng, 5, 4, 4), 300_000),
}
"""Kinds on which defaults are chosen."""


# the test -------------------------------------------------------------------------------------------------
def balanced(rng: random.Random) -> tuple[str, str]:
    """Twelve brackets that close each other, half of them hidden."""
    text, open_ = "", 0
    while len(text) < 12:
        up = open_ == 0 or (open_ < 12 - len(text) and rng.random() < 0.5)
        text, open_ = text + "()"[not up], open_ + (1 if up else -1)
    return hide(rng, text, list(range(12)), 5, 7), text


def closes(given: str, answer: str) -> bool:
    depths = list(itertools.accumulate(1 if symbol == "(" else -1 for symbol in answer))
    return keeps(given, answer) and set(answer) <= set("()") and min(depths) == 0 == depths[-1]


def subset(rng: random.Random) -> tuple[list[int], list[int]]:
    """Eight numbers and a sum: a 1 for each number that belongs to it."""
    some = [rng.randrange(1, 20) for _ in range(8)]
    chosen = [rng.randrange(2) for _ in range(8)]
    return [*some, sum(n for n, c in zip(some, chosen, strict=True) if c)], chosen


def sums(given: list[int], answer: list[int]) -> bool:
    if len(answer) != 8 or any(c not in (0, 1) for c in answer):
        return False
    return sum(n for n, c in zip(given, answer, strict=False) if c) == given[-1]


def two_colors(rng: random.Random) -> tuple[str, str]:
    """The edges of a tree of seven vertices, and a color x or y for each of a to g so that neighbors differ."""
    names = rng.sample("abcdefg", 7)
    parents = [rng.randrange(i) for i in range(1, 7)]
    color = {names[0]: rng.choice("xy")}
    for i, parent in enumerate(parents, 1):
        color[names[i]] = "yx"[color[names[parent]] == "y"]
    edges = [names[i] + names[parent] for i, parent in enumerate(parents, 1)]
    return " ".join(rng.sample(edges, 6)), "".join(color[name] for name in "abcdefg")


def differ(given: str, answer: str) -> bool:
    color = dict(zip("abcdefg", answer, strict=False))
    if len(answer) != 7 or not set(answer) <= set("xy"):
        return False
    return all(color[edge[0]] != color[edge[1]] for edge in given.split(" "))


TEST: dict[str, Kind] = {
    "brackets": Kind(balanced, closes),
    "subset": Kind(subset, sums, 20_000),
    "two-colors": Kind(two_colors, differ),
    "modulo": only(lambda x: [x[0] % (x[1] + 1)], lambda rng: numbers(rng, 60, 2, 2), 3000),
    "binary": only(lambda x: f"{int(x):b}", lambda rng: str(rng.randrange(10_000))),
    "vowels": only(
        lambda x: "".join(c for c in x if c in "aeiou"), lambda rng: word(rng, "abcdefghiou", 4, 12), 20_000
    ),
    "caesar": only(lambda x: "".join(chr((ord(c) - 97 + len(x)) % 26 + 97) for c in x), lambda r: word(r, ABC, 3, 10)),
    "differences": only(lambda x: [(b - a) % 20 for a, b in itertools.pairwise(x)], lambda rng: numbers(rng, 20, 9, 9)),
    "unique": only(lambda x: "".join(dict.fromkeys(x)), lambda rng: word(rng, "abcdef", 4, 12), 20_000),
    "majority-1000": only(lambda x: max("ab", key=x.count), lambda rng: word(rng, "ab", 9, 9), 1000),
}
"""Others, on which nothing is."""
KINDS = BENCH | TEST


def write(folder: Path, names: list[str], count: int | None, seed: int = 0) -> None:
    """KIND.jsonl in `folder` for each of `names`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        kind, rng = KINDS[name], random.Random(f"{name} {seed}")
        with open(folder / f"{name}.jsonl", "w", encoding="utf-8") as file:
            for _ in range(count or kind.count):
                made, target = kind.make(rng)
                file.write(json.dumps({"input": made, "target": target}) + "\n")


def measure(run: Path, name: str, count: int, width: int) -> dict[str, Any]:
    """Rates over `count` inputs that no file of `write` was made with; inputs longer than all that were trained on are
    left out."""
    import gram
    from gram.tasks.own.task import Table

    kind, rng = KINDS[name], random.Random(f"{name} measured")
    reasoner = gram.load(run)
    assert isinstance(reasoner.task, Table)
    integers = reasoner.task.config.kind == "integers"
    made = [kind.make(rng)[0] for _ in range(4 * count)]
    texts = (" ".join(map(str, x)) if integers else x for x in made)
    found = reasoner.answers(texts, refuse=lambda *_: None, width=width, select="majority")
    asked, valid, majority, distinct, complete = 0, 0.0, 0, 0, 0
    for answer in itertools.islice(found, count):
        x, asked = made[answer.number - 1], asked + 1
        votes = {reasoner.task.decode(c.answer): c.votes for c in answer.candidates}
        right = [text for text in votes if kind.right(x, list(map(int, text.split())) if integers else text)]
        valid += sum(votes[text] for text in right) / sum(votes.values())
        majority += answer.text in right
        distinct += len(right)
        if kind.every is not None:
            every = {" ".join(map(str, y)) if integers else y for y in kind.every(x)}
            complete += set(votes) == set(right) == every
    rates = {"valid": valid, "majority": majority, "distinct": distinct}
    rates |= {"complete": complete} if kind.every else {}
    return {"kind": name, "width": width, "count": asked} | {k: round(v / asked, 4) for k, v in rates.items()}


VARIANTS = {
    "gram": ["own"],
    "direct": ["own-direct-8", "--model.blocks", "7"],  # 8 blocks are a quarter larger than GRAM
    "autoregressive": ["own-autoregressive"],
    "mdlm": ["own-mdlm"],
}
"""What may be trained -> its recipe and options: GRAM and baselines within a fifth of its size."""


def train_command(folder: Path, name: str, minutes: float, seed: int, variant: str = "gram") -> tuple[list[str], Path]:
    """The command that trains on the file of a kind, and its run folder."""
    out = folder / (f"{name}-{seed}" if variant == "gram" else f"{name}-{variant}-{seed}")
    command = [sys.executable, "-m", "gram.cli", "train", *VARIANTS[variant], "--data", str(folder / f"{name}.jsonl")]
    return [*command, "--minutes", str(minutes), "--train.seed", str(seed), "--out", str(out)], out


def run(folder: Path, name: str, minutes: float, seed: int, variant: str = "gram") -> dict[str, Any]:
    """Training on the file of a kind, and the rates of its weights."""
    from gram.measure.record import hardware

    write(folder, [name], None)
    command, out = train_command(folder, name, minutes, seed, variant)
    shutil.rmtree(out, ignore_errors=True)
    begin = time.monotonic()
    with open(out.with_name(f"{out.name}.log"), "w", encoding="utf-8") as log:
        subprocess.run(command, check=True, stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"})
    seconds = round(time.monotonic() - begin, 1)
    count, width = (200, 20) if name == "dates" else (200, 10)
    about = {"minutes": minutes, "seed": seed, "seconds": seconds, "hardware": hardware() | {"threads": 1}}
    about |= {} if variant == "gram" else {"variant": variant}
    return measure(out, name, count, width) | about


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("write")
    one.add_argument("folder", type=Path)
    one.add_argument("kinds", nargs="*", choices=[*KINDS, []])
    one.add_argument("--count", type=int)
    two = verbs.add_parser("measure")
    two.add_argument("run", type=Path)
    two.add_argument("kind", choices=list(KINDS))
    two.add_argument("--count", type=int, default=200)
    two.add_argument("--width", type=int, default=10)
    three = verbs.add_parser("run")
    three.add_argument("folder", type=Path)
    three.add_argument("kinds", nargs="*", choices=[*KINDS, []])
    three.add_argument("--minutes", type=float, default=4)
    three.add_argument("--seed", type=int, default=0)
    three.add_argument("--variant", choices=list(VARIANTS), default="gram")
    three.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if options.verb == "write":
        write(options.folder, options.kinds or list(KINDS), options.count)
    elif options.verb == "run":
        for name in options.kinds or list(KINDS):
            line = json.dumps(run(options.folder, name, options.minutes, options.seed, options.variant))
            print(line, flush=True)
            with open(options.out, "a", encoding="utf-8") as file:
                file.write(line + "\n")
    else:
        print(json.dumps(measure(options.run, options.kind, options.count, options.width)))


if __name__ == "__main__":
    main()
