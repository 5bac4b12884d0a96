"""`python -m gram.serve`: the server where only numpy, onnxruntime and the web framework are installed."""

import argparse
import dataclasses
import sys
from typing import Any, get_args, get_origin, get_type_hints

from gram.serve.run import serve
from gram.serve.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Serve bundles as `gram serve` does."""
    parser = argparse.ArgumentParser(prog="python -m gram.serve", description=main.__doc__)
    parser.add_argument("weights", nargs="*", metavar="WEIGHTS", help="folders that `gram export` wrote")
    hints = get_type_hints(Settings)
    for field in dataclasses.fields(Settings):
        hint = hints[field.name]
        many = get_origin(hint) is tuple
        kind = next((each for each in get_args(hint) if isinstance(each, type)), hint)
        more: dict[str, Any] = {"nargs": "*"} if many else {}
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default, **more)
    given: dict[str, Any] = vars(parser.parse_args(arguments))
    weights, given["cors"] = tuple(given.pop("weights")), tuple(given["cors"])
    try:
        return serve(weights, Settings(**given))
    except (ValueError, OSError) as error:
        print(f"gram: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
