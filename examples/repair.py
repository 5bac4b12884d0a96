"""Data for `gram train own`: tables with missing fields, and every way to fill them in that keeps the rules.

    python examples/repair.py repairs.jsonl [--count 4000] [--seed 0]

A table is a roster of four or five rows such as "ax1 by1 ax2 cz3": a person (a to d), a team (x to z), a day (1 to 3).
A person is always in the same team, rows are in order of days, and no team has two rows on one day. A missing field
is written "?".
"""

import argparse
import itertools
import json
import random
from collections.abc import Iterator

PEOPLE, TEAMS, DAYS = FIELDS = ("abcd", "xyz", "123")


def obeys(table: str) -> bool:
    """Whether a table has no missing field and keeps the rules."""
    rows = table.split(" ")
    if any(len(row) != 3 or any(f not in known for f, known in zip(row, FIELDS, strict=True)) for row in rows):
        return False
    people, teams, days = zip(*rows, strict=True)
    faithful = len(set(zip(people, teams, strict=True))) == len(set(people))
    alone = len(set(zip(teams, days, strict=True))) == len(rows)
    return faithful and alone and list(days) == sorted(days)


def check(damaged: str, repaired: str) -> bool:
    """Whether `repaired` keeps the rules and all that was there: the check of `gram train own --check`."""
    if len(damaged) != len(repaired):
        return False
    return all(d in ("?", r) for d, r in zip(damaged, repaired, strict=True)) and obeys(repaired)


def repairs(damaged: str) -> list[str]:
    """Every valid repair of a table, in order."""
    found = [""]
    for row in damaged.split(" "):  # what breaks the rules in its first rows breaks them as a whole
        choices = [FIELDS[place] if field == "?" else field for place, field in enumerate(row)]
        rows = ["".join(fields) for fields in itertools.product(*choices)]
        found = [table for begun in found for row in rows if obeys(table := f"{begun} {row}".lstrip())]
    return found


def damaged_tables(rng: random.Random, rows: tuple[int, int] = (4, 5)) -> Iterator[str]:
    """Random valid tables with two to five fields missing, without end; `rows`: fewest and most."""
    while True:
        team_of = {person: rng.choice(TEAMS) for person in PEOPLE}
        people = rng.choices(PEOPLE, k=rng.randint(*rows))
        table = " ".join(
            person + team_of[person] + day
            for person, day in zip(people, sorted(rng.choices(DAYS, k=len(people))), strict=True)
        )
        if obeys(table):
            missing = rng.sample([place for place in range(len(table)) if place % 4 < 3], rng.randint(2, 5))
            yield "".join("?" if place in missing else field for place, field in enumerate(table))


def main() -> None:
    parser = argparse.ArgumentParser(description="Write tables with missing fields, and all their repairs, as JSONL.")
    parser.add_argument("file")
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tables = itertools.islice(damaged_tables(random.Random(options.seed)), options.count)
    with open(options.file, "w", encoding="utf-8") as file:
        for damaged in tables:
            file.write(json.dumps({"input": damaged, "targets": repairs(damaged)}) + "\n")
    print(f"{options.count} damaged tables in {options.file}")


if __name__ == "__main__":
    main()
