"""Answers and samples as the rows of a table."""

from collections.abc import Iterable
from typing import Any

from gram.solve.answer import Answer
from gram.solve.generate import Samples


def to_records(answers: Answer | Iterable[Answer] | Samples) -> list[dict[str, Any]]:
    """A dictionary for each answer or sample, as pandas.DataFrame and csv.DictWriter take them; see Answer.to_dict and
    Samples.to_dicts."""
    if isinstance(answers, Samples):
        return answers.to_dicts()
    return [answer.to_dict() for answer in ([answers] if isinstance(answers, Answer) else answers)]
