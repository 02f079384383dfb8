"""Fetching a Minari dataset from its remote, without waiting long where there is no network."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

from offline_bench.core.errors import DatasetNotFoundError

PATIENCE = 4.0  # seconds for the remote to answer at all; the download itself may take its time


def download(dataset_id: str) -> None:
    """Fetch `dataset_id` from $MINARI_REMOTE (Minari's own remote by default) into Minari's own folder.

    Raises `DatasetNotFoundError` with the reason in a few words.
    """
    try:
        import minari
        from minari.storage.remotes import DEFAULT_REMOTE, get_cloud_storage

        get_cloud_storage()  # says at once which package a download lacks
        _reach(os.environ.get("MINARI_REMOTE", DEFAULT_REMOTE).split("://", 1)[0])
        # Minari prints its progress: standard output is for results.
        with contextlib.redirect_stdout(sys.stderr):
            minari.download_dataset(dataset_id)
    except Exception as error:
        lines = f"{error}".strip().splitlines() or [""]
        raise DatasetNotFoundError(f"{type(error).__name__}: {lines[0][:200].rstrip('.')}") from error


def _reach(kind: str) -> None:
    """Raise `ConnectionError` unless the host of remotes of `kind` answers: its clients retry for half a minute."""
    hosts = {
        "hf": os.environ.get("HF_ENDPOINT", "https://huggingface.co"),
        "gcp": "https://storage.googleapis.com",
    }
    if kind not in hosts:
        return
    answers: list[str] = []
    # A name look-up has no time limit of its own, hence the thread.
    asking = threading.Thread(target=_ask, args=(hosts[kind], answers), daemon=True)
    asking.start()
    asking.join(PATIENCE)
    if answers != [""]:
        raise ConnectionError(f"{hosts[kind]} did not answer: {(answers or ['no reply in time'])[0]}")


def _ask(address: str, answers: list[str]) -> None:
    """Append '' to `answers` where `address` answers anything, else why it does not."""
    import urllib.error  # late, as it imports all of ssl
    import urllib.request

    try:
        request = urllib.request.Request(address, method="HEAD")  # noqa: S310
        urllib.request.urlopen(request, timeout=PATIENCE).close()  # noqa: S310
    except urllib.error.HTTPError:
        answers.append("")
    except (OSError, ValueError) as error:
        answers.append(str(error))
    else:
        answers.append("")
