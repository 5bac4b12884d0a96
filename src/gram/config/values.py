"""Value types that several fields share, with their rules."""

from typing import Annotated, Literal

from gram.fields import OrWord, Range

Select = Literal["first", "majority", "value", "halt", "checked"]
Share = Annotated[float, Range(0, 1)]
Part = Annotated[float, Range(0, 1, below=True)]
Weight = Annotated[float, Range(0, 1_000_000)]
Rate = Annotated[float, Range(0, 100)]
Positive = Annotated[float, Range(0, 1_000_000_000, above=True)]
Period = Annotated[float, Range(0, 1_000_000_000)]
"""Seconds between two events; 0 means after every update."""
Width = Annotated[int, Range(1, 65_536)]
Loops = Annotated[int, Range(1, 256)]
Count = Annotated[int, Range(1, 1_000_000)]
Want = Annotated[int | Literal["all"], OrWord(Range(1, 1_000_000), "all")]
Many = Annotated[int, Range(1, 1_000_000_000)]
Length = Annotated[int, Range(1, 1_000_000)]
