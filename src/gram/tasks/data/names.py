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
    "sudoku-bank": BANK_FILES,
    "tdoku-hard": HARD_FILES,
}
CONTENT = {
    "sudoku/sudoku_extreme_1k_train.csv.gz": "6e20ac1bf298f1fb5eb75e17025e5d4b96e5fc9c293061829caca63642af86ee",
    "maze/maze_30x30_hard_train.csv.gz": "2e785b1bfb95603731059e18269f66ef8f69a46c50c10658282795955809adbc",
    "maze/maze_30x30_hard_dev.csv.gz": "f135003e310834c103756307c91f1977ba1fa7e367901387a16355cf85db97db",
    "arc/arc1_training.json.gz": "58599ab594750bd7f44ec796aee539fd7f3acfbc89ad50b2f9aba042b39e26c2",
    "arc/arc1_evaluation.json.gz": "a7c0a44404e6fcd16fa71f55a75b56e7e7d21003a0653e5f41baf176b0034a3d",
    "arc/arc2_training.json.gz": "ded3d8eb1f19bc85e624bdc79ddb23178cf90726748b2e501d4c02cbcf277ac0",
    "arc/arc2_evaluation.json.gz": "2858a6ca7691d38a4011405234feb2286b144881e50706e10cfcb20f6a2f1d02",
    "mnist/train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "mnist/train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "mnist/t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "mnist/t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""sha256 of what a file holds: of MNIST the unpacked file, of JSON the canonical text, of CSV the lines
"question,answer". The other files of a set are known by their commit alone."""

MNIST_PACKED = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
"""sha256 of the files as they are published, for downloads."""


def sets_with(file: str) -> list[str]:
    """The data sets that a file is of: one or none."""
    return [name for name, files in FILES.items() if file in files]
