"""Which Ray is wanted, and the way to it."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offline_bench.core.errors import MissingExtraError, PlaceError
from offline_bench.runs.executors.ray_address import AUTO, check_address
from offline_bench.runs.executors.workers import environment_of_workers
from offline_bench.runs.mirror import Mirror

SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",
    "RAY_worker_niceness": "0",
}


@dataclass(frozen=True)
class RayPlace:
    """Which Ray is wanted.

    address  HOST:PORT of its head, 'auto' for the one this machine is a node of, '' to start one here
    workers  slabs at once on a Ray that is started here; on a GPU, slabs that share one
    shared   the folder with the checkpoints, that all nodes see; None: nodes keep none there
    mirror   what has the checkpoints where no folder does
    """

    address: str = ""
    workers: int = 2
    device: str = "cpu"
    shared: Path | None = None
    mirror: Mirror | None = None

    def check(self) -> None:
        """Raise `MissingExtraError` without Ray, `SpecError` or `PlaceError` where it or its mirror is out of reach."""
        import_ray()
        if self.mirror is not None:
            self.mirror.check()
        check_address(self.address or AUTO)


def import_ray() -> Any:
    """Ray. Raises `MissingExtraError`."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError(
            "--executor ray needs Ray, which is not installed here: pip install 'offline-bench[ray]'"
        ) from error
    logging.getLogger("ray").setLevel(logging.ERROR)
    return ray


def connect(ray: Any, place: RayPlace) -> None:
    """Connect this process to the Ray of `place`, or start that. Raises `PlaceError`."""
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
    try:
        with environment_of_workers():
            if place.address:
                ray.init(address=place.address, **quiet)
            else:
                ray.init(num_cpus=max(place.workers, 1), include_dashboard=False, address="local", **quiet)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        if place.address == AUTO and isinstance(error, ConnectionError):
            raise PlaceError(
                "this machine is no node of a Ray that runs: name one by --ray-address HOST:PORT"
            ) from error
        told = str(error).strip().splitlines()
        where = f"Ray at {place.address}" if place.address else "a Ray on this machine"
        raise PlaceError(f"cannot use {where}: {told[0] if told else type(error).__name__}") from error
    _hush()


def _hush() -> None:
    """Keep Ray from writing about dead workers and nodes between our own sentences on these."""
    with suppress(ImportError, AttributeError):
        from ray._private import worker

        worker.print_to_stdstream = lambda *told, **more: None
