"""MNIST as people keep it: gzip'd or unpacked, with dots in the names, in folders of other programs, or all in one npz.
What comes of it are the four files that are read; that they are MNIST is known by the checksums of their content."""

import gzip
import io
import math
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from gram import unpack
from gram.tasks.data.names import MNIST_FILES
from gram.tasks.reading.containers import unpacked

FOLDERS = (".", "mnist", "raw", "MNIST/raw")
"""Where the files may be below a folder: torchvision has MNIST/raw."""
ARRAYS = {
    "train-images": ("x_train", "train_images", "images_train"),
    "train-labels": ("y_train", "train_labels", "labels_train"),
    "t10k-images": ("x_test", "test_images", "images_test"),
    "t10k-labels": ("y_test", "test_labels", "labels_test"),
}
"""Names of arrays in an npz, in any case: Keras has x_train."""


def build(arrived: dict[str, Path], folder: Path) -> None:
    """The files as they come."""
    for file in MNIST_FILES:
        (folder / file).write_bytes(arrived[Path(file).name].read_bytes())


def content(path: Path) -> bytes:
    """The IDX file in a gzip'd file, or in one that is not. ValueError if it is damaged."""
    data = path.read_bytes()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return unpack.gunzip(data, str(path))
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is a damaged gzip file ({error}); get it again.") from None


def check(path: Path) -> None:
    """An IDX file of bytes: its magic number, and as many bytes as its sizes say. ValueError if it is none."""
    data = content(path)
    axes = 3 if "images" in path.name else 1
    sizes = np.frombuffer(data[4 : 4 + 4 * axes], ">u4") if len(data) >= 4 + 4 * axes else np.zeros(1)
    if data[:4] != bytes([0, 0, 8, axes]) or len(data) != 4 + 4 * axes + math.prod(sizes.tolist()):
        raise ValueError(f"{path} is no IDX file of MNIST {'images' if axes == 3 else 'labels'}; get it again.")


def undress(source: Path, folder: Path) -> list[str]:
    """Write those of the four files that `source` (a folder, or an npz) has in another form below `folder`; which they
    are. ValueError for what is damaged."""
    archive = source if source.is_file() else _first(source, ("mnist.npz",))
    found = []
    for file in MNIST_FILES:
        base = Path(file).name.removesuffix(".gz")
        path = None if source.is_file() else _first(source, _names(base))
        if path is None and archive is None:
            continue
        data = _of_arrays(archive, base) if path is None and archive is not None else content(path or source)
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(gzip.compress(data, 1, mtime=0))
        found.append(file)
    return found


def _names(base: str) -> tuple[str, ...]:
    """ "train-images-idx3-ubyte" as it is written elsewhere."""
    dotted = base.replace("-idx", ".idx")
    return tuple(f"{name}{end}" for name in (base, dotted, f"{base}/{base}") for end in (".gz", ""))


def _first(source: Path, names: tuple[str, ...]) -> Path | None:
    places = (source / folder / name for folder in FOLDERS for name in names)
    return next((place for place in places if place.is_file()), None)


def _of_arrays(path: Path, base: str) -> bytes:
    """The IDX file of an array of an npz. ValueError if it has none, or no bytes."""
    if not zipfile.is_zipfile(io.BytesIO(path.read_bytes())) or (arrays := unpacked(path, str(path)).arrays) is None:
        raise ValueError(f"{path} is no npz file; give mnist.npz, or the folder with the four files.")
    part = base.rsplit("-", 2)[0]
    array = next((array for name, array in arrays.items() if name.lower() in ARRAYS[part]), None)
    if array is None or array.dtype.kind not in "iu" or (array.size and not 0 <= array.min() <= array.max() < 256):
        raise ValueError(
            f"{path} has no array {ARRAYS[part][0]} of integers from 0 to 255; there are "
            f"{', '.join(arrays)[:200] or 'none'}."
        )
    if "images" in part:
        array = array.reshape(len(array), 28, 28) if array[:1].size == 784 else array
    shape = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, 8, array.ndim]) + shape + array.astype(np.uint8).tobytes()
