"""A table for `gram train own --complete`: flats, whose columns depend on each other, and new rows with holes.

python examples/table.py flats.csv holes.csv [--count 6000] [--seed 0]
"""

import argparse
import csv
import random

HEADER = ("district", "rooms", "floor", "lift", "heating", "rent")


def flat(rng: random.Random) -> list[str]:
    """District and rooms make the rent, floors above the third have a lift, old districts are heated with gas."""
    district = rng.choices(("north", "south", "harbour", "hill"), (4, 3, 2, 1))[0]
    rooms = rng.choices((1, 2, 3, 4, 5), (2, 4, 4, 2, 1))[0]
    floor = rng.randrange(8 if district == "harbour" else 5)
    lift = "yes" if floor > 3 or rng.random() < 0.2 else "no"
    heating = "gas" if district in ("south", "hill") and rng.random() < 0.8 else "district"
    base = {"north": 300, "south": 350, "harbour": 500, "hill": 600}[district]
    rent = base + 240 * rooms + 15 * floor + rng.gauss(0, 40)
    return [district, str(rooms), str(floor), lift, heating, f"{rent:.0f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a table of flats, and new flats with holes.")
    parser.add_argument("table")
    parser.add_argument("holes")
    parser.add_argument("--count", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with open(options.table, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *(flat(rng) for _ in range(options.count))])
    with open(options.holes, "w", newline="", encoding="utf-8") as file:
        rows = ([cell if rng.random() > 0.3 else "" for cell in flat(rng)] for _ in range(20))
        csv.writer(file).writerows([HEADER, *rows])
    print(f"{options.count} flats in {options.table}, 20 with holes in {options.holes}")


if __name__ == "__main__":
    main()
