"""Removes clues from many large grids at once, as long as singles prove that the solution stays the only one.

A removed clue is proven as follows: the puzzle with it has one solution, so any other solution of the puzzle without it
has another digit in its cell. All other digits are tried there together. If filling in singles then ends in a
contradiction, the removal is safe; otherwise the clue stays. So every puzzle has exactly one solution, without any
search. The proofs build on each other, one assumption per removed clue, so solving the puzzle may take several guesses.

Digits are 0..size-1 and -1 is blank, as in `solvers.Units`. Shapes: L cells, B grids, U units, S = size cells each.
"""

import numpy as np

from gram.tasks.solvers import Units

TOGETHER = 128
"""Grids at once: enough to hide the cost of a call, few enough for the cache."""


class Removal:
    """Proofs for grids with the units of one size."""

    def __init__(self, units: Units):
        self.size, self.cells = units.size, len(units.peers)
        groups = [[cell for cell in range(self.cells) if mask >> cell & 1] for mask in units.masks]
        self.units = np.array(groups)  # (U, S) cells
        self.of_cell = np.array([[u for u, group in enumerate(groups) if c in group] for c in range(self.cells)]).T
        self.bits = np.uint16 if self.size <= 16 else np.uint32
        self.all = self.bits((1 << self.size) - 1)

    def puzzles(self, rng: np.random.Generator, grids: np.ndarray, most: int = 0) -> np.ndarray:
        """Complete grids (n, L) int8 -> puzzles (n, L) int8 with those as only solutions. Clues are removed in random
        order until `most` are left, or until no further removal can be proven."""
        parts = [self._part(rng, grids[at : at + TOGETHER], most) for at in range(0, len(grids), TOGETHER)]
        return np.concatenate(parts) if parts else grids.copy()

    def _part(self, rng: np.random.Generator, grids: np.ndarray, most: int) -> np.ndarray:
        order = rng.random(grids.shape).argsort(axis=1).T  # (L, B)
        digits = self.bits(1) << grids.T.astype(self.bits)
        shown = self._first(order, digits)
        columns = np.arange(len(grids))
        for cells in order:
            asked = columns[shown[cells, columns] & (shown.sum(axis=0) > most)]
            if not len(asked):
                continue
            at = cells[asked]
            masks = np.where(shown[:, asked], digits[:, asked], self.all)
            masks[at, np.arange(len(asked))] = self.all & ~digits[at, asked]
            refuted = self.propagate(masks)
            shown[at[refuted], asked[refuted]] = False
        return np.where(shown, grids.T, -1).T.astype(np.int8)

    def _first(self, order: np.ndarray, digits: np.ndarray) -> np.ndarray:
        """Which cells (L, B) show clues after a third of them was removed at once, where singles solve the rest."""
        shown = np.ones(order.shape, bool)
        np.put_along_axis(shown, order[: self.cells // 3], False, axis=0)
        masks = np.where(shown, digits, self.all)
        self.propagate(masks)
        shown[:, (masks != digits).any(axis=0)] = True
        return shown

    def propagate(self, masks: np.ndarray) -> np.ndarray:
        """Fill in all singles of candidates (L, B), one bit per digit, in place. Returns where that ends in a
        contradiction, (B,) bool; such a column is left as it is then."""
        dead = np.zeros(masks.shape[1], bool)
        columns = np.arange(masks.shape[1])
        now = masks
        while len(columns):
            after, broken = self._round(now)
            dead[columns[broken]] = True
            going = (after != now).any(axis=0) & ~broken
            masks[:, columns] = after
            columns, now = columns[going], after[:, going]
        return dead

    def _round(self, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """One round of naked and hidden singles in (L, B) -> candidates (L, B) and contradictions (B,)."""
        single = (masks & (masks - self.bits(1))) == 0
        filled = np.where(single, masks, self.bits(0))[self.units]  # (U, S, B)
        taken, others = np.bitwise_or.reduce(filled, axis=1), masks[self.units]
        once, twice = others[:, 0], np.zeros_like(others[:, 0])
        for each in others[:, 1:].swapaxes(0, 1):
            twice |= once & each
            once = once | each
        alone = once & ~twice
        rows, columns, boxes = self.of_cell
        hidden = masks & (alone[rows] | alone[columns] | alone[boxes])
        after = masks & ~(taken[rows] | taken[columns] | taken[boxes])
        after = np.where(single, masks, np.where(hidden != 0, hidden & after, after))
        several = hidden & (hidden - (hidden != 0).astype(self.bits))
        broken = (once != self.all).any(axis=0) | (after == 0).any(axis=0) | (several != 0).any(axis=0)
        # the same digit in two cells of a unit cancels out
        broken |= (np.bitwise_xor.reduce(filled, axis=1) != taken).any(axis=0)
        return after, broken
