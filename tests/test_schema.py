"""schemathesis makes requests out of the OpenAPI document of a real process: it never breaks, and answers as it says.

More cases: GRAM_SCHEMA_CASES=10000 pytest tests/test_schema.py
"""

import os
from collections import Counter
from collections.abc import Iterator

import pytest

pytest.importorskip("uvicorn", reason="the extra serve is not installed")
pytest.importorskip("schemathesis", reason="schemathesis is not installed")
import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance
from support.boards import CORNER
from support.server import Running

CASES = int(os.environ.get("GRAM_SCHEMA_CASES", "60"))
LIMITS = ("--max-width", "8", "--max-depth", "8", "--max-puzzles", "3", "--max-seconds", "2")
PUZZLES = {
    "sudoku-4": ["1...............", "12..34..2143....", ".", "11.............."],
    "queens-8": [CORNER, "Q" * 64],
    "arc-1-10": ["25d8a9c8 07/70", '{"train": [], "test": []}', "{"],
}

NAMES = (*PUZZLES, "sudoku-boards-4")


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("serve"), *NAMES, *LIMITS, "--dtype", "float32")
    yield running
    running.stop()


def sent(case, server: Running, data) -> httpx.Response:
    """The response to a case. About half of the cases name a task that is served, half have puzzles that can be
    answered, or nearly, and half have no options: random text is refused before it gets far."""
    often = st.booleans()
    if "task" in case.path_parameters and data.draw(often):
        case.path_parameters["task"] = data.draw(st.sampled_from(NAMES))
    if isinstance(case.body, dict):
        if data.draw(often):
            case.body = {key: case.body[key] for key in ("puzzles", "n") if key in case.body}
        if "puzzles" in case.body and data.draw(often):
            known = st.sampled_from(PUZZLES.get(case.path_parameters.get("task"), ["1"]))
            most = 3 if case.path.endswith("solve") else 1
            case.body["puzzles"] = data.draw(st.one_of(known, st.lists(known, min_size=1, max_size=most)))
    return case.call(base_url=server.url, timeout=60)


def test_no_request_breaks_the_server(server):
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    assert len(operations) == 7
    modes = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for operation in operations for mode in modes))
    seen: Counter[int] = Counter()

    @settings(
        max_examples=CASES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck.__members__.values()],
    )
    @given(cases, st.data())
    def ask(case, data):
        response = sent(case, server, data)
        seen[response.status_code] += 1
        assert response.status_code < 500, (case.method, case.path, case.body, response.text)
        case.validate_response(
            response, checks=[not_a_server_error, response_schema_conformance, status_code_conformance]
        )

    ask()
    print(dict(sorted(seen.items())))
    assert seen[200] > CASES // 50
    assert seen[422] > 0
    assert httpx.get(f"{server.url}/healthz").status_code == 200
