"""The packed records of a results folder in a dataset repository of the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from offline_bench.core.errors import MissingExtraError, StorageError
from offline_bench.runs.store import PACKED, copy_packed, pack_records, read_records


def push_records(folder: Path, repository: str) -> str:
    """Pack the records of `folder` and put them into the dataset repository; the address of the commit.

    The repository is made where there is none, private until its owner opens it. Raises `StorageError` where there is
    no record or the Hub does not take it, `MissingExtraError`.
    """
    hub = _import_hub()
    reading = read_records(folder)
    if reading.problems or not reading.records:
        why = reading.problems[0] if reading.problems else "it has no record"
        raise StorageError(f"{folder} was not pushed: {why}")
    path = pack_records(folder, reading.records)
    try:
        api = hub.HfApi()
        api.create_repo(repository, repo_type="dataset", private=True, exist_ok=True)
        commit = api.upload_file(
            path_or_fileobj=path,
            path_in_repo=PACKED,
            repo_id=repository,
            repo_type="dataset",
            commit_message=f"{len(reading.records)} runs",
        )
    except Exception as error:
        raise StorageError(f"{repository} did not take the records: {_first_line(error)}") from error
    return str(getattr(commit, "commit_url", commit))


def pull_records(repository: str, folder: Path, force: bool = False) -> int:
    """Fetch the packed records of the dataset repository into `folder`; how many there are.

    Read before they are put there: what is no file of records replaces none. Raises `StorageError`, also where
    `folder` has packed records and `force` is not given; `MissingExtraError`.
    """
    hub = _import_hub()
    target = folder / PACKED
    if target.exists() and not force:
        raise StorageError(f"{target} exists already: nothing was fetched. Name another folder, or use --force.")
    try:
        fetched = Path(hub.hf_hub_download(repository, PACKED, repo_type="dataset"))
    except Exception as error:
        raise StorageError(f"{repository} gave no {PACKED}: {_first_line(error)}") from error
    reading = read_records(fetched.parent)
    if not reading.records or reading.problems:
        why = reading.problems[0] if reading.problems else "it has no record"
        raise StorageError(f"what {repository} has as {PACKED} was not taken over: {why}")
    copy_packed(fetched.parent, folder, over=True)
    return len(reading.records)


def _import_hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise MissingExtraError(
            "the Hub needs the package huggingface_hub, which is not installed: pip install 'offline-bench[hub]'"
        ) from error
    return huggingface_hub


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300] if lines else 'no reason given'}"
