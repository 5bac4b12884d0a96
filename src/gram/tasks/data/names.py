"""The files of each public data set, as paths below the data folder; recipes name them."""

MAZE_FILES = tuple(f"maze/maze_30x30_hard_{part}.csv.gz" for part in ("train", "dev", "test"))
SUDOKU_FILES = tuple(f"sudoku/sudoku_extreme_{part}.csv.gz" for part in ("1k_train", "train", "dev", "test"))
BANK_FILES = tuple(f"sudoku/sudoku_bank_{part}.csv.gz" for part in ("train", "dev"))
HARD_FILES = tuple(f"sudoku/sudoku_tdoku_hard_{part}.csv.gz" for part in ("train", "dev"))
ARC_FILES = {n: tuple(f"arc/arc{n}_{part}.json.gz" for part in ("training", "evaluation")) for n in (1, 2)}
MNIST_FILES = tuple(
    f"mnist/{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)
FILES = {
    "sudoku-extreme": SUDOKU_FILES,
    "maze-30": MAZE_FILES,
    "arc-1": ARC_FILES[1],
    "arc-2": ARC_FILES[2],
    "mnist": MNIST_FILES,
}


def sets_with(file: str) -> list[str]:
    """The data sets that a file is of: one or none."""
    return [name for name, files in FILES.items() if file in files]
