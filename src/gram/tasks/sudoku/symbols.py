"""How the digits of large boards are written: 1 to 9, then A to P; in 16x16 also 0 to F."""

from collections.abc import Sequence

from gram.tasks.reading import boards

SYMBOLS = "123456789ABCDEFGHIJKLMNOP"
SURE = 3
"""Zeros without a conflict from which 0 is taken for a digit; fewer could be blanks by chance."""


def written(size: int) -> str:
    """The digits of a board, for people."""
    return f"1 to {size}" if size <= 9 else f"1 to 9 or A to {SYMBOLS[size - 1]}"


def hexadecimal(text: str, relations: Sequence[Sequence[Sequence[int]]]) -> list[str]:
    """The boards of 16x16 of a text with the digits 0 to F, 256 characters each with G for 0; empty if 0 is no digit.

    0 is a digit if the boards have another mark for blanks, no G, and no two 0 in any unit of `relations`. ValueError
    if there are so few that they could be blanks as well."""
    if "0" not in text:
        return []
    try:
        found = boards.split(text, boards.Alphabet(16, "0123456789ABCDEF", blanks="._*?xX\u00b7"))
    except ValueError:
        return []
    asked = [board for board in found if "0" in board]
    units = [unit for relation in relations for unit in relation]
    if not asked or not all("." in board for board in asked) or any("G" in board for board in found):
        return []
    if any(sum(board[cell] == "0" for cell in unit) > 1 for board in asked for unit in units):
        return []
    if sum(board.count("0") for board in asked) < SURE:
        raise ValueError("A 0 could be a blank or a digit from 0 to F; write G for the digit, or . for every blank.")
    return [board.replace("0", "G") for board in found]
