"""Weights on the Hugging Face hub: fetched by the address hf:owner/name, pushed with a model card.

Everything goes through huggingface_hub (extra "hub"): its cache, its resumption of downloads, its token. Only the files
of a folder of weights or of a bundle are fetched, and none of them is run.
"""

import json
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEME = "hf:"
FILES = ["config.json", "model.safetensors", "training.json", "manifest.json", "*.onnx", "start.npz", "README.md"]
"""What is fetched and pushed."""
CARD = "README.md"
RATES = ("exact", "valid", "checked", "coverage", "pass_1", "pass_2")
"""The figures of a results file that a model card shows, in %."""


def is_address(name: object) -> bool:
    """Whether this is hf:owner/name or hf:owner/name@revision."""
    return str(name).startswith(SCHEME)


def fetch(address: str) -> Path:
    """The folder of hf:owner/name[@revision] in the cache, downloaded as far as it is not there. Without a connection,
    or with HF_HUB_OFFLINE=1, what is in the cache. ValueError or OSError with one sentence otherwise."""
    repository, _, revision = address.removeprefix(SCHEME).partition("@")
    hub = library()
    with plain_errors(repository):
        return Path(hub.snapshot_download(repository, revision=revision or None, allow_patterns=FILES))


def push(folder: Path, repository: str, *, private: bool = False, results: Path | None = None) -> str:
    """Upload a folder of weights as one commit, all of it or nothing, with a model card that shows the figures which
    `results` holds of its recipe. The address of the repository, which is made if it is not there."""
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(f"{folder} holds no config.json; give the folder that `gram train --out` wrote.")
    hub = library()
    api = hub.HfApi()
    with plain_errors(repository), tempfile.TemporaryDirectory() as holder:
        for path in folder.iterdir():
            if any(path.match(pattern) for pattern in FILES):
                shutil.copy(path, holder)
        if not (folder / "manifest.json").is_file():  # a bundle has a card, and checksums over it
            (Path(holder) / CARD).write_text(card(folder, repository, results), encoding="utf-8")
        address = api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=holder, commit_message="Weights of gram")
    return str(address)


def library() -> Any:
    """huggingface_hub. ValueError where it is not installed."""
    try:
        import huggingface_hub
    except ImportError:
        raise ValueError("The hub needs huggingface_hub; pip install 'gram-reasoning[hub]'.") from None
    return huggingface_hub


@contextmanager
def plain_errors(repository: str):
    """What the hub says, in one sentence that tells what to do."""
    from huggingface_hub import errors

    def status(error: Exception) -> int:
        return getattr(getattr(error, "response", None), "status_code", 0)

    try:
        yield
    except errors.HFValidationError:
        raise ValueError(f"{repository!r} is no name on the hub; write {SCHEME}owner/name.") from None
    except errors.GatedRepoError:
        raise ValueError(f"{repository} asks for permission; request access on its page, then log in.") from None
    except errors.RepositoryNotFoundError:
        raise FileNotFoundError(
            f"There is no {repository} on the hub, or it is private; check the name, or log in with `hf auth login`."
        ) from None
    except errors.RevisionNotFoundError:
        raise FileNotFoundError(f"{repository} has no such revision; give one that its page lists.") from None
    except errors.LocalEntryNotFoundError:
        raise OSError(f"The hub cannot be reached, and {repository} is not in the cache; try again later.") from None
    except errors.HfHubHTTPError as error:
        if status(error) == 401:
            raise ValueError("The hub refuses the token; log in again with `hf auth login`, or set HF_TOKEN.") from None
        if status(error) == 403:
            raise ValueError(f"The token may not write to {repository}; use one with that permission.") from None
        raise OSError(f"The hub answered {status(error)} for {repository}; try again later.") from None
    except errors.HTTPError as error:  # pyright: ignore[reportPrivateImportUsage]
        raise OSError(f"The connection to the hub failed ({type(error).__name__}); the same command goes on.") from None


# the model card -------------------------------------------------------------------------------------------
def card(folder: Path, repository: str, results: Path | None) -> str:
    """README.md of a repository: what it is, how it was trained, what it reaches, how it is loaded."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    facts = folder / "training.json"
    training = json.loads(facts.read_text(encoding="utf-8")) if facts.is_file() else {}
    facts = [f"{training['updates']:,} updates"] if training.get("updates") else []
    facts += [f"{training['seconds'] / 60:.0f} minutes"] if training.get("seconds") else []
    rows = measured(results / config["recipe"]) if results else []
    table = "\n".join(["| measured on | examples | figures in % | commit |", "|---|---|---|---|", *rows])
    return f"""---
license: apache-2.0
library_name: gram
tags: [recursive-reasoning, {config["task"]}]
---
# {config["recipe"]}

Weights of [GRAM](https://arxiv.org/abs/2605.19376) for the task {config["task"]}, of the recipe {config["recipe"]}\
{f", trained for {' in '.join(facts)}" if facts else ""}.

```python
import gram

reasoner = gram.load("{SCHEME}{repository}")
```

{table if rows else "No measurement came with these weights."}
"""


def measured(folder: Path) -> list[str]:
    """A row for each measurement in the results files of a recipe."""
    rows = []
    for path in sorted(folder.glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        for name, figures in found["figures"].items():
            said = ", ".join(f"{key} {100 * figures[key]:.2f}" for key in RATES if figures.get(key) is not None)
            count = figures.get("examples", figures.get("samples", ""))
            rows.append(f"| {name}, seed {found['seed']} | {count} | {said} | {figures['commit'][:7]} |")
    return rows
