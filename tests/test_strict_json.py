"""Every reader of JSON stands what a stranger may have written."""

import json
import time

import pytest

from gram import strict_json
from gram.strict_json import DEPTH, parse

NESTED = {
    "lists": "[" * 200_000,
    "closed lists": "[" * 200_000 + "]" * 200_000,
    "objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "lists in objects": '[{"a":' * 50_000,
    "one too many": "[" * (DEPTH + 1) + "]" * (DEPTH + 1),
}


@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED)
def test_deep_brackets_are_a_sentence(text):
    with pytest.raises(ValueError, match=f"f.json is not JSON .* {DEPTH} levels"):
        parse(text, "f.json", "repair it")


def test_depth_counts_levels_and_not_what_strings_hold():
    inside = '"' + "[" * 100 + '\\"' + "{" * 100 + '"'
    assert parse("[" * DEPTH + inside + "]" * DEPTH, "f", "repair it")
    assert parse("[" + "[]," * 100 + "[]]", "f", "repair it") == [[]] * 101


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": NaN}', "NaN"),
        ("[Infinity]", "Infinity"),
        ("[-Infinity]", "Infinity"),
        ("[1e999]", "1e999"),
        ("[-1e999]", "1e999"),
        ("[" + "9" * 41 + "]", "too large"),
        ("[" + "9" * 100_000 + "]", "too large"),
        ('{"a": 1, "b": 2, "a": 3}', "'a' twice"),
        ('{"x": {"a": 1, "a": 1}}', "'a' twice"),
        ('"\\ud800"', "UTF-8"),
        ('["\\uD83D", 1]', "UTF-8"),
        (b"\xff\xfe[1]", "UTF-8"),
        (b'"\xc3"', "UTF-8"),
        ("", "Expecting value"),
        ("[1,]", "f.json"),
        ("{} {}", "Extra data"),
        ('"' + '\\"' * 300_000, "Unterminated"),
        ('"abc\\', "Unterminated"),
    ],
)
def test_what_is_no_json_is_a_sentence(text, says):
    begin = time.perf_counter()
    with pytest.raises(ValueError, match=r"f\.json") as error:
        parse(text, "f.json", "repair it")
    assert says in str(error.value)
    assert str(error.value).endswith("; repair it.")
    assert len(str(error.value)) < 200
    assert time.perf_counter() - begin < 2


def test_what_is_json_is_itself():
    values = {"a": [1, -2.5, 1e300, 10**39, None, True], "é\U0001f600": "\\ud800 [[[", "": {}}
    assert parse(json.dumps(values), "f", "r") == values
    assert parse(b"\xef\xbb\xbf" + json.dumps(values, ensure_ascii=False).encode(), "f", "r") == values
    assert parse('"\\ud83d\\ude00"', "f", "r") == "\U0001f600"


def test_files_are_bounded(tmp_path):
    path = tmp_path / "f.json"
    path.write_text('{"a": 1}', encoding="utf-8")
    assert strict_json.read_object(path, limit=8) == {"a": 1}
    with pytest.raises(ValueError, match=r"f\.json is larger than"):
        strict_json.read(path, limit=7)
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(ValueError, match=r"f\.json must hold a JSON object; restore it\."):
        strict_json.read_object(path, "restore it")
    with pytest.raises(FileNotFoundError):
        strict_json.read(tmp_path / "none.json")
