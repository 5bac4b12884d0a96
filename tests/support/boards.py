"""Puzzles as text."""

FOUR = "1...............", "..3............1"
"""Of sudoku-4, each with several answers."""
NONE_LEFT = "123...4........."
"""Its last cell of the first row can be no digit, though no two givens contradict each other."""
CORNER = "Q......./......../......../......../......../......../......../........"
"""Of queens-8, with four answers."""
MAZE = [
    "S  #      ",
    " # # #### ",
    " #   #  # ",
    " ##### ## ",
    "       #  ",
    "###### # #",
    "#      #  ",
    "# ####### ",
    "#         ",
    "#########G",
]
"""Rows of a maze."""
