"""gram before torch: it sets how threads wait, which torch reads when it is loaded."""

import gram  # noqa: F401

MARKS = {
    "slow": "arc baselines bench docs extend generate long_work mnist official old_files own own_bench rows pretrained "
    "processes readme report reproduce ship train",
    "compile": "arithmetic gpu",
    "network": "data serve serve_arc schema web page page_access serve_engine unpack doors",
}
"""Files whose tests all have a mark; single tests have their own."""


def pytest_collection_modifyitems(items):
    for item in items:
        for mark, names in MARKS.items():
            if item.path.stem.removeprefix("test_") in names.split():
                item.add_marker(mark)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Packed bytes hold the time, and two processes must collect the same names."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > 60) else None
