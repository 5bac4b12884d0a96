"""Gray images as PNG files, with only the standard library (PNG specification, third edition)."""

import struct
import zlib
from pathlib import Path

import numpy as np

GAP = 2  # pixels between tiles
GRAY = 160


def tiled(images: np.ndarray, columns: int) -> np.ndarray:
    """Images (n, H, W) uint8 row by row in `columns` columns on gray ground, (rows * (H + 2) + 2, ...) uint8."""
    n, height, width = images.shape
    rows = -(-n // columns)
    sheet = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP), GRAY, np.uint8)
    for i, image in enumerate(images):
        top, left = GAP + i // columns * (height + GAP), GAP + i % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = image
    return sheet


def png(image: np.ndarray) -> bytes:
    """A gray image (H, W) uint8 as PNG."""
    height, width = image.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)  # 8 bits of gray, no interlacing
    rows = np.concatenate(
        [np.zeros((height, 1), np.uint8), image], axis=1
    )  # each row starts with its filter type, none
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def check_new(path: Path) -> None:
    """Check before the work that a PNG file can be written. FileExistsError, FileNotFoundError or ValueError if not."""
    if path.suffix.lower() != ".png":
        raise ValueError(f"{path} is not the name of a PNG file; give one that ends in .png.")
    if path.exists():
        raise FileExistsError(f"{path} exists; give the name of a new file.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent}; create it first.")


def write(path: Path, images: np.ndarray, columns: int) -> None:
    """Write `tiled` images to a new PNG file. FileExistsError if it exists."""
    with open(path, "xb") as file:
        file.write(png(tiled(images, columns)))
