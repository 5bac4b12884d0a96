"""Completion of tables by `gram train own --complete`, beside other imputations of the same cells.

    pip install 'gram-reasoning[benchmarks]'
    python benchmarks/imputation.py write FOLDER [TABLE ...]
    python benchmarks/imputation.py run FOLDER [TABLE ...] [--methods gram shares ...] [--out FILE.json]

`write` makes TABLE.csv, to learn from, and TABLE-new.csv, of which cells are hidden, by another seed. `run` hides 10,
20 and 30% of the cells of the new rows at random, has every method of METHODS fill them in N times, and measures these
imputations. Every method sees the same codes: the values of a column in their order, numbers in 16 bins.

One protocol serves all methods, of whatever kind: a probability is a share of the N imputations, smoothed by one more,
which is spread as the values of the column (for a pair: as two independent columns) in the table. Of every hidden cell:
accuracy of the most likely value, nats (minus the mean log-likelihood), covered (how often the smallest set of values
with 90% together holds the right one) and the mean set_size. Of every pair of hidden cells of a row: pair_nats, minus
the mean log-likelihood of both together. nats_error and pair_nats_error are standard errors over rows.
"""

import argparse
import csv
import itertools
import json
import math
import os
import random
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gram.tasks.own.rows import HIDDEN, Rows, learn_rows

BINS, ROUNDS = 16, 5
"""Bins of numbers; rounds of chained imputation, in which each hidden cell is drawn again from the others."""


# tables ---------------------------------------------------------------------------------------------------
def drawn(rng: random.Random, **weights: float) -> str:
    """A name, by weight."""
    return rng.choices(list(weights), list(weights.values()))[0].replace("_", " ")


def flat(rng: random.Random) -> dict[str, Any]:
    """District and rooms decide the area, all three and the heating the rent; old districts are heated with gas."""
    district = drawn(rng, north=4, south=3, harbour=2, hill=1)
    rooms = rng.choices((1, 2, 3, 4, 5), (1, 1, 3, 4, 3) if district == "hill" else (3, 4, 4, 2, 1))[0]
    area = 14 + 18 * rooms + (8 if district in ("harbour", "hill") else 0) + rng.gauss(0, 5)
    heating = drawn(rng, gas=8, heat_pump=2) if district in ("south", "hill") else drawn(rng, district=7, heat_pump=3)
    balcony = "yes" if rng.random() < 0.2 + 0.12 * rooms else "no"
    square = {"north": 10, "south": 11, "harbour": 15, "hill": 17}[district] + (2 if heating == "heat pump" else 0)
    rent = square * area + 60 * (balcony == "yes") + rng.gauss(0, 40)
    return {
        **{"district": district, "rooms": rooms, "area": round(area), "heating": heating},
        **{"balcony": balcony, "rent": round(rent)},
    }


def patient(rng: random.Random) -> dict[str, Any]:
    """Age and weight raise the pressure, smoking harms the lungs, and pressure, weight and age make the diagnosis."""
    age = rng.choices(range(2, 9), (10, 12, 14, 16, 16, 14, 8))[0]
    smoker = drawn(rng, yes=3, former=3 if age > 4 else 1, no=6)
    bmi = min(4, max(0, round(rng.gauss(1.2 + 0.15 * age - 0.3 * (smoker == "yes"), 0.9))))
    pressure = 100 + 4 * age + 6 * bmi + 5 * (smoker == "yes") + rng.gauss(0, 9)
    diabetes = 0.02 * age * (bmi - 1) if bmi > 1 else 0.01
    lungs = {"yes": 0.05 * age, "former": 0.03 * age, "no": 0.02}[smoker]
    odds = {"diabetes": diabetes, "lungs": lungs, "hypertension": max(0.0, (pressure - 130) / 40), "none": 0.6}
    diagnosis = drawn(rng, **odds)
    drug = {"diabetes": "metformin", "lungs": "inhaler", "hypertension": "ramipril", "none": "none"}[diagnosis]
    drug = drawn(rng, **{drug: 8, "none": 2}) if drug != "none" else "none"
    return {
        **{"age": f"{10 * age}s", "bmi": ("under", "normal", "over", "obese", "severe")[bmi], "smoker": smoker},
        **{"pressure": round(pressure), "diagnosis": diagnosis, "drug": drug},
    }


def order(rng: random.Random) -> dict[str, Any]:
    """A product has its own sizes and prices, a region its ways of shipping; shoes, and what was slow, are returned."""
    product = drawn(rng, shoes=3, shirt=4, lamp=2, book=4, bike=1)
    sizes = {"shoes": "38 39 40 41 42 43 44", "shirt": "S M L XL", "bike": "M L XL"}.get(product, "one")
    size = rng.choice(sizes.split())
    region = drawn(rng, north=3, south=3, islands=1, abroad=2)
    ways = {"north": "post courier shop", "south": "post courier shop", "islands": "post ferry", "abroad": "post air"}
    shipping = "freight" if product == "bike" and region != "abroad" else rng.choice(ways[region].split())
    base = {"shoes": 80, "shirt": 30, "lamp": 60, "book": 15, "bike": 700}[product]
    price = base * rng.lognormvariate(0, 0.25)
    days = {"shop": 1, "courier": 1, "post": 3, "air": 4, "ferry": 5, "freight": 6}[shipping] + rng.randrange(3)
    back = {"shoes": 0.35, "shirt": 0.25}.get(product, 0.04) + 0.06 * max(0, days - 3)
    return {
        **{"product": product, "size": size, "region": region, "shipping": shipping, "price": round(price, 1)},
        **{"days": days, "returned": "yes" if rng.random() < back else "no"},
    }


WORK = {
    "professional": (0.2, 1.5, 0), "clerical": (0.8, 0.2, -0.3), "sales": (0.7, 0.3, 0.2), "craft": (0.9, -0.6, 0.2),
    "service": (1.0, -0.6, -0.8), "management": (0.4, 0.8, 0.9), "transport": (0.5, -0.7, 0),
}  # fmt: skip
"""Occupations: how common, how much schooling counts, and what they add to the income."""


SCHOOLS = ("primary", "school", "college", "bachelor", "master")


def adult(rng: random.Random) -> dict[str, Any]:
    """People as in a census; a made-up model, of no real person or place."""
    age, sex = min(80, 17 + round(rng.gammavariate(2.6, 9))), drawn(rng, male=2, female=1)
    race = drawn(rng, white=85, black=10, asian=3, other=2)
    country = drawn(rng, home=97, south=3 if race in ("white", "other") else 1, east=60 if race == "asian" else 1)
    schooling = min(4, max(0, round(rng.gauss(1.6 + 0.5 * (country == "east") - 0.9 * (country == "south"), 1.1))))
    schooling = min(schooling, 1 if age < 20 else 2 if age < 22 else 4)
    single = 1 / (1 + (age / 28) ** 5)
    marital = drawn(rng, single=single, married=(1 - single) * 0.72, divorced=(1 - single) * 0.28 * (1.2 - age / 80))
    if marital != "single" and rng.random() < 0.02 * max(0, age - 55):
        marital = "widowed"
    relation = drawn(rng, child=8 if age < 26 else 0.5, alone=6, parent=(3 if sex == "female" else 1) * (age > 22))
    if marital == "married":
        relation = "husband" if sex == "male" else "wife"
    male = {"craft": 3, "transport": 4, "clerical": -1.2, "service": -0.5}
    odds = {
        name: common
        * math.exp(0.7 * taught * (schooling - 1.5))
        * 2 ** (male.get(name, 0) * (1 if sex == "male" else -1) / 2)
        for name, (common, taught, _) in WORK.items()
    }
    occupation = drawn(rng, **odds)
    own = 4 if occupation in ("management", "craft", "sales") else 2
    workclass = drawn(rng, private=12, own=own, state=3 if occupation in ("professional", "clerical") else 1)
    part = 0.5 if age < 22 or age > 66 else 0.22 if sex == "female" else 0.06
    hours = rng.choice((15, 20, 25, 30)) if rng.random() < part else rng.choice((40, 40, 40, 40, 45, 50, 60))
    hours += 10 if workclass == "own" and rng.random() < 0.4 else 0
    score = -4.6 + 0.75 * schooling + WORK[occupation][2] + 0.045 * (hours - 40) + 2.0 * (marital == "married")
    score += 0.06 * min(age - 30, 20) + 0.3 * (sex == "male")
    return {
        **{"age": age, "workclass": workclass, "education": SCHOOLS[schooling]},
        **{"marital": marital, "occupation": occupation, "relationship": relation, "race": race, "sex": sex},
        **{
            "hours": hours,
            "country": country,
            "income": ">50K" if rng.random() < 1 / (1 + math.exp(-score)) else "<=50K",
        },
    }


TABLES = {"flats": flat, "patients": patient, "orders": order, "adults": adult}


def write(folder: Path, name: str, count: int, new: int, seed: int) -> tuple[Path, Path]:
    """TABLE.csv with `count` rows and TABLE-new.csv with `new`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"{name}.csv", folder / f"{name}-new.csv"
    for path, rows in zip(paths, (count, new), strict=True):
        rng = random.Random(f"{path.stem} {seed}")
        made = [TABLES[name](rng) for _ in range(rows)]
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([list(made[0]), *(row.values() for row in made)])
    return paths


# methods --------------------------------------------------------------------------------------------------
class Table(NamedTuple):
    """A table to learn from. L columns, whose values have the codes 0, 1, ..., in order."""

    path: Path
    names: list[str]
    rows: np.ndarray
    """(n, L) int64."""
    sizes: np.ndarray
    """(L,) number of values."""
    numeric: np.ndarray
    """(L,) bool: whether the column holds numbers."""

    @classmethod
    def read(cls, path: Path) -> "tuple[Table, Rows]":
        """The table, and its description as `gram train` makes it."""
        task = Rows(learn_rows([path], BINS))
        columns = task.config.columns
        numeric = [all(value.replace(".", "", 1).isdecimal() for value in column.values) for column in columns]
        codes = task.rows_of(path).astype(np.int64) - HIDDEN - 1
        return cls(path, [c.name for c in columns], codes, task.sizes, np.array(numeric)), task

    def shares(self, at: int) -> np.ndarray:
        """(values,) share of each value of a column."""
        return np.bincount(self.rows[:, at], minlength=self.sizes[at]) / len(self.rows)


Impute = Callable[[np.ndarray, int, int], np.ndarray]
"""Codes of new rows (n, L), -1 where hidden, a number N and a seed -> imputations (n, N, L)."""


def by_shares(table: Table) -> Impute:
    """Each column by itself: draws from the values in the table."""

    def impute(rows: np.ndarray, n: int, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        found = table.rows[rng.integers(len(table.rows), size=(len(rows), n, rows.shape[1])), np.arange(rows.shape[1])]
        return np.where(rows[:, None] < 0, found, rows[:, None])

    return impute


def by_regression(table: Table) -> Impute:
    """IterativeImputer of scikit-learn: Bayesian linear regression of codes, sampled and rounded."""
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401  the name below needs it
    from sklearn.impute import IterativeImputer

    holes = np.random.default_rng(0).random(table.rows.shape) < 0.2  # it models only columns that have holes
    imputer = IterativeImputer(sample_posterior=True, max_iter=ROUNDS, random_state=0)
    imputer.fit(np.where(holes, np.nan, table.rows))

    def impute(rows: np.ndarray, n: int, seed: int) -> np.ndarray:
        imputer.random_state_ = np.random.RandomState(seed)
        many = np.where(rows < 0, np.nan, rows).repeat(n, 0)
        found = np.clip(np.rint(np.asarray(imputer.transform(many))), 0, table.sizes - 1).astype(np.int64)
        return found.reshape(len(rows), n, -1)

    return impute


def chained(table: Table, model: Callable[[list[bool]], Any]) -> Impute:
    """Chained equations: a classifier of each column given the others (`model`, called with whether these hold
    categories), and rounds in which each hidden cell is drawn from its probabilities, from a start at random."""
    L = len(table.sizes)
    others = [np.delete(np.arange(L), i) for i in range(L)]
    models = [
        model([*~table.numeric[each]]).fit(table.rows[:, each], table.rows[:, i]) for i, each in enumerate(others)
    ]

    def impute(rows: np.ndarray, n: int, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        found = by_shares(table)(rows, n, seed).reshape(-1, L)
        hidden = (rows < 0).repeat(n, 0)
        for _, i in itertools.product(range(ROUNDS), range(L)):
            if len(asked := np.flatnonzero(hidden[:, i])):
                below = models[i].predict_proba(found[np.ix_(asked, others[i])]).cumsum(1)
                chosen = (below[:, :-1] < rng.random((len(asked), 1))).sum(1)
                found[asked, i] = models[i].classes_[chosen]
        return found.reshape(len(rows), n, L)

    return impute


def by_logistic(table: Table) -> Impute:
    """`chained` with multinomial logistic regression of indicators, the usual choice for categories."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    return chained(table, lambda _: make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()))


def by_boosting(table: Table) -> Impute:
    """`chained` with HistGradientBoostingClassifier of scikit-learn."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    def model(categories: list[bool]) -> Any:
        how: dict[str, Any] = {"categorical_features": categories, "early_stopping": True, "random_state": 0}
        return HistGradientBoostingClassifier(learning_rate=0.05, **how)

    return chained(table, model)


def by_gram(table: Table, minutes: float = 4, seed: int = 0) -> Impute:
    """`gram train own --complete` with its defaults. A run in the folder of the table that has ended is taken."""
    import gram
    from gram.measure.rows import imputations
    from gram.solve.options import resolve

    out = table.path.with_name(f"{table.path.stem}-{seed}")
    command = [sys.executable, "-m", "gram.cli", "train", "own", "--complete", "--data", str(table.path)]
    command += ["--bins", str(BINS), "--minutes", str(minutes), "--train.seed", str(seed), "--out", str(out)]
    if not (out / "training.json").is_file():
        shutil.rmtree(out, ignore_errors=True)
        with open(out.with_name(f"{out.name}.log"), "w", encoding="utf-8") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"})
    reasoner = gram.load(out)
    task = reasoner.task
    assert isinstance(task, Rows)

    def impute(rows: np.ndarray, n: int, seed: int) -> np.ndarray:
        options = resolve(reasoner.config.solve, {"width": n, "seed": seed})
        tokens = (rows + HIDDEN + 1).clip(min=HIDDEN).astype(np.uint8)
        return imputations(reasoner.network, task, tokens, options).drawn.astype(np.int64) - HIDDEN - 1

    return impute


METHODS: dict[str, Callable[[Table], Impute]] = {
    "gram": by_gram,
    "shares": by_shares,
    "regression": by_regression,
    "logistic": by_logistic,
    "boosting": by_boosting,
}


# metrics --------------------------------------------------------------------------------------------------
def measure(table: Table, rows: np.ndarray, truth: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Metrics of the imputations (n, N, L) of rows (n, L), of which the right codes are `truth` (n, L)."""
    N, shares = found.shape[1], [table.shares(i) for i in range(len(table.sizes))]
    right, covered, sizes, nats, pairs = [], [], [], [], []
    for row, correct, drawn in zip(rows, truth, found, strict=True):
        asked = np.flatnonzero(row < 0)
        agree = drawn[:, asked] == correct[asked]  # (N, hidden)
        prior = np.array([shares[i][correct[i]] for i in asked])
        nats.append(-np.log((agree.sum(0) + prior) / (N + 1)))
        both = list(itertools.combinations(range(len(asked)), 2))
        joint = np.array([((agree[:, a] & agree[:, b]).sum() + prior[a] * prior[b]) / (N + 1) for a, b in both])
        pairs.append(-np.log(joint))
        for i in asked:
            p = (np.bincount(drawn[:, i], minlength=table.sizes[i]) + shares[i]) / (N + 1)
            order = np.argsort(-p, kind="stable")
            held = order[: 1 + np.searchsorted(p[order].cumsum(), 0.9)]
            right.append(order[0] == correct[i])
            covered.append(correct[i] in held)
            sizes.append(len(held))
    rates = {"accuracy": np.mean(right), "covered": np.mean(covered), "set_size": np.mean(sizes)}
    for name, each in (("nats", nats), ("pair_nats", pairs)):
        mean = np.concatenate(each).mean()
        off = np.array([(one - mean).sum() for one in each])
        rates |= {name: mean, f"{name}_error": np.sqrt((off**2).sum()) / sum(map(len, each))}
    counts = {"cells": len(right), "pairs": sum(map(len, pairs))}
    return counts | {name: round(float(rate), 4) for name, rate in rates.items()}


def hide(truth: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows with a share of all cells hidden (-1), without those of which none is, and their right codes."""
    hidden = np.random.default_rng(seed).random(truth.shape) < share
    kept = hidden.any(1) & ~hidden.all(1)
    return np.where(hidden, -1, truth)[kept], truth[kept]


def clocks() -> np.ndarray:
    """Seconds by the clock, and of the processor in this process and its ended children."""
    return np.array([time.monotonic(), sum(os.times()[:4])])


def since(begin: np.ndarray) -> dict[str, float]:
    return dict(zip(("seconds", "processor"), (clocks() - begin).round(1).tolist(), strict=True))


def run(
    folder: Path, name: str, methods: list[str], *, count: int, new: int, n: int, seed: int, minutes: float
) -> list[dict[str, Any]]:
    """The metrics of each method at each share of hidden cells of a table, with what learning and filling took: seconds
    by the clock, and of the processor, which other programs may share."""
    path, held_out = write(folder, name, count, new, seed)
    table, task = Table.read(path)
    truth = task.rows_of(held_out).astype(np.int64) - HIDDEN - 1
    lines = []
    for method in methods:
        begin = clocks()
        impute = by_gram(table, minutes, seed) if method == "gram" else METHODS[method](table)
        learning = since(begin)
        for share in (0.1, 0.2, 0.3):
            rows, right = hide(truth, share, seed)
            begin = clocks()
            found = impute(rows, n, seed)
            about = {"table": name, "method": method, "hidden": share, "N": n, "seed": seed}
            about |= {"learning": learning, "filling": since(begin)}
            lines.append(about | measure(table, rows, right, found))
            print(json.dumps(lines[-1]), flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["write", "run"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []])
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    numbers = {"count": (6000, "rows to learn from"), "new": (600, "rows with hidden cells"), "n": (100, "imputations")}
    for option, (default, text) in numbers.items():
        parser.add_argument(f"--{option}", type=int, default=default, help=text)
    parser.add_argument("--minutes", type=float, default=4, help="of gram train")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    o = parser.parse_args()
    sizes, names = {"count": o.count, "new": o.new, "seed": o.seed}, o.tables or list(TABLES)
    if o.verb == "write":
        for name in names:
            write(o.folder, name, **sizes)
        return
    from gram.measure.record import hardware, origin

    warnings.filterwarnings("ignore", module="sklearn")
    about = origin() | {"hardware": hardware() | {"threads": 1}, "benchmark": "imputation", "minutes": o.minutes}
    figures = []
    for name in names:
        figures += run(o.folder, name, o.methods, **sizes, n=o.n, minutes=o.minutes)
        if o.out:
            o.out.write_text(json.dumps(about | {"figures": figures}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
