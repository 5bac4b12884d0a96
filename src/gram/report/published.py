"""Published results on the same tasks. They are not our measurements, and protocols differ where noted.

Sources: GRAM, arXiv:2605.19376 (also for its baselines HRM, TRM and the Looped Transformer; curves by depth are read
off its plots); PTRM, arXiv:2605.19943; Looped Flows, arXiv:2609.11801; EqR, arXiv:2605.21488; LDT,
arXiv:2605.08605; URM, arXiv:2512.14693; LoopViT, arXiv:2602.02156; SIC, arXiv:2601.19085; TRM's cost,
arXiv:2510.04871. Rates in %.
"""

from typing import NamedTuple

from gram.recipes.variants import GRAM

SOURCES = {
    "GRAM": "2605.19376",
    "PTRM": "2605.19943",
    "Looped Flows": "2609.11801",
    "EqR": "2605.21488",
    "LDT": "2605.08605",
    "URM": "2512.14693",
    "LoopViT": "2602.02156",
    "SIC": "2601.19085",
    "TRM, official": "2510.04871",
    "nano-trm": "",
}
"""The number on arXiv of the paper that a label begins with; "" for none. All others are baselines in GRAM's paper."""


def source(label: str) -> str:
    """The number on arXiv of the source of a published row."""
    return next((number for name, number in SOURCES.items() if label.startswith(name)), SOURCES["GRAM"])


class Published(NamedTuple):
    """A row of a published table."""

    model: str
    variant: str
    """Suffix of our recipe of the same model; "gram" for GRAM itself, "" if we have none."""
    parameters: str
    values: tuple[float | None, ...]
    """In the order of the table's metrics."""


MANY = {
    "queens-8": "validity, coverage with 20 samples",
    "queens-10": "validity, coverage with 20 samples",
    "coloring-8": "conflicting edges of 255 graphs, coverage with 20 samples",
    "coloring-10": "conflicting edges of 192 graphs, coverage with 20 samples",
}
_MANY: list[tuple[str, str, str, list[tuple[float, float]]]] = [
    ("direct prediction, 8 layers", "direct-8", "27M", [(40.4, 13.7), (13.6, 1.6), (179, 19.9), (199, 6.7)]),
    ("Looped Transformer", "looped", "7M", [(68.4, 23.6), (50.0, 6.2), (136, 20.5), (157, 7.2)]),
    ("HRM", "hrm", "27M", [(78.7, 26.7), (37.4, 4.7), (110, 21.8), (164, 8.9)]),
    ("TRM", "trm", "7M", [(66.8, 36.1), (17.5, 2.0), (109, 22.3), (171, 6.8)]),
    ("autoregressive", "autoregressive", "10.6M", [(96.3, 84.8), (90.0, 53.2), (19.0, 83.0), (61.3, 40.0)]),
    ("MDLM", "mdlm", "12.6M", [(96.1, 87.2), (74.3, 47.4), (2.7, 84.5), (12.0, 48.2)]),
    ("Looped Flows", "", "7M", [(99.9, 91.4), (94.4, 61.5), (0.7, 89.4), (1.0, 55.2)]),
    ("GRAM", GRAM, "10M", [(99.7, 90.3), (89.7, 57.5), (2.7, 85.8), (3.3, 51.3)]),
]


def many(task: str) -> list[Published]:
    """Puzzles with many answers, means over seeds: validity (or conflicts) and coverage. `task`: a key of MANY."""
    at = list(MANY).index(task)
    return [Published(name, variant, size, values[at]) for name, variant, size, values in _MANY]


ONE = ("sudoku-9", "maze-30", "arc-1", "arc-2")
"""Sudoku-Extreme, Maze-Hard, ARC-AGI-1 and ARC-AGI-2."""
_ONE: list[tuple[str, str, str, tuple[float | None, ...]]] = [
    ("direct prediction", "direct-8", "27M", (0.0, 0.0, 21.0, 0.0)),
    ("Looped Transformer", "looped", "7M", (61.3, None, None, None)),
    ("HRM", "hrm", "27M", (55.0, 74.5, 40.3, 5.0)),
    ("TRM", "trm", "5-7M", (87.4, 85.3, 44.6, 7.8)),
    ("PTRM, 100 samples", "", "5-7M", (98.75, 86.7, None, 9.7)),
    ("Looped Flows, 1 sample", "", "5-7M", (97.9, 86.9, 59.5, 12.2)),
    ("Looped Flows, 5 samples", "", "5-7M", (99.3, None, None, None)),
    ("EqR, 128 starts", "", "5M", (99.8, None, None, None)),
    ("LDT, with search", "", "0.8-1.8M", (99.96, 99.9, None, None)),
    ("URM", "", "–", (77.6, None, None, None)),
    ("URM, pass@1", "", "–", (None, None, 53.8, 16.0)),
    ("LoopViT, test-time training, pass@2", "", "18M", (None, None, 65.8, None)),
    ("GRAM, 1 sample (read off a plot)", GRAM, "10M", (87.3, None, None, None)),
    ("GRAM, 5 samples", GRAM, "10M", (93.96, None, None, None)),
    ("GRAM, 20 samples, by value", GRAM, "10M", (97.0, None, None, None)),
    ("GRAM", GRAM, "10M", (None, None, 52.0, 11.1)),
]


def one(task: str) -> list[Published]:
    """Puzzles with one answer: exact accuracy. `task`: one of ONE."""
    at = ONE.index(task)
    return [
        Published(name, variant, size, (values[at],)) for name, variant, size, values in _ONE if values[at] is not None
    ]


DEPTH: dict[str, dict[int, float]] = {
    "GRAM, 1 sample": {8: 81, 16: 87, 32: 91},
    "GRAM, 5 samples": {8: 91, 16: 94, 32: 95.5},
    "GRAM, 20 samples": {8: 94.6, 16: 96.7, 32: 97.0},
    "TRM": {8: 78, 16: 82, 32: 85, 128: 89, 320: 90.5},
}
"""Exact accuracy on Sudoku-Extreme by supervision steps, read off the paper's plot (20 samples at 16 steps: 96.3 to
97.0)."""

BOARDS = [
    Published("D3PM uniform, 1000 steps, small", "d3pm-uniform", "15.9M", (29.24,)),
    Published("D3PM uniform, 1000 steps, big", "d3pm-uniform", "55.1M", (91.33,)),
    Published("D3PM absorbing, 1000 steps, small", "d3pm-absorbing", "15.9M", (21.88,)),
    Published("D3PM absorbing, 1000 steps, big", "d3pm-absorbing", "55.1M", (79.18,)),
    Published("GRAM, 16 steps", GRAM, "10.9M", (99.05,)),
]
"""Validity of 100,000 complete Sudoku boards, unconditional."""

MNIST = [
    Published("VAE", "vae", "–", (1.70, 86.28)),
    Published("D3PM, 1000 steps", "d3pm-uniform", "–", (1.86, 74.03)),
    Published("TRM, 16 steps", "trm", "–", (1.00, 303.29)),
    Published("GRAM, 8 steps", GRAM, "–", (1.85, 84.08)),
    Published("GRAM, 16 steps", GRAM, "–", (1.89, 77.79)),
    Published("GRAM, 32 steps", GRAM, "–", (1.91, 76.65)),
    Published("GRAM, 64 steps", GRAM, "–", (1.95, 75.39)),
    Published("GRAM, 128 steps", GRAM, "–", (1.99, 74.30)),
    Published("GRAM, 256 steps", GRAM, "–", (2.04, 73.34)),
]
"""Binarized MNIST: inception score (higher is better) and FID (lower is better)."""

_ABLATIONS: list[tuple[str, str, tuple[float, float]]] = [
    ("Looped Transformer", "looped", (61.25, 71.30)),
    ("Looped Transformer, guided", "looped-guided", (65.64, 86.30)),
    ("no hierarchy: deep supervision and guidance", "flat", (73.90, 100.00)),
    ("HRM", "hrm", (55.00, 80.70)),
    ("TRM", "trm", (87.40, 72.90)),
    ("no guidance", "deterministic", (82.87, 72.91)),
    ("noise only (mu = 0)", "noise-only", (94.88, 50.27)),
    ("mean only (sigma = 0)", "mean-only", (0.0, 0.0)),
    ("stochastic decoder", "stochastic-decoder", (82.87, 71.66)),
    ("random start", "random-start", (78.53, 71.82)),
    ("direct prediction", "single-pass", (63.43, 61.44)),
    ("GRAM", GRAM, (93.96, 99.69)),
]


def ablations(task: str) -> list[Published]:
    """Architecture and mechanism, 5 samples: accuracy on Sudoku-Extreme or on queens-8."""
    at = ("sudoku-9", "queens-8").index(task)
    return [Published(model, variant, "–", (values[at],)) for model, variant, values in _ABLATIONS]


COST = [
    ("GRAM: Sudoku; queens and coloring; MNIST; ARC", "8x RTX 4090", "2 h; 1 to 6 h; 16 h; 5 days"),
    ("TRM, official: Sudoku", "L40S", "18 to 36 h"),
    ("nano-trm: Sudoku 87%; Maze 75%", "one H100", "1 h; 2 h"),
    ("SIC: Sudoku at the level of TRM", "one RTX 5090", "40 min (7,000 updates)"),
    ("Looped Flows: Sudoku, Maze, queens, coloring", "one H100 to RTX 3090", "1 to 5 h"),
]
"""Training costs: what, hardware, time."""
