"""Which jobs train together: same data, same shape of algorithm, same budget, and as many as memory holds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from offline_bench.algorithms import StackedLearner, build_learner, estimate_bytes, memory_of, read_checkpoint_name
from offline_bench.runs.experiment import RESTS, Job, JobSlab, curate_once

# On a processor a larger slab is hardly faster, and holds up a worker for longer; a GPU wants hundreds.
MOST_RUNS = {"cpu": 16, "cuda": 512}
MEMORY_SHARE = 0.5
KEY = re.compile("[0-9a-f]{16}")


def group_jobs(
    jobs: Sequence[Job],
    folder: Path,
    workers: int = 1,
    device: str = "cpu",
    memory: int | None = None,
    done: Sequence[Job] = (),
) -> list[JobSlab]:
    """`jobs` as slabs, in the order of their first jobs; what cannot be stacked is a slab of its own.

    Slabs with a checkpoint in `folder` are formed again as they were, so that they go on; those of `done`, jobs with a
    record, are in them where a kill came between two records of a slab. The other slabs are bounded by
    `memory`, bytes for all workers together (default: half of the device's), and small enough that no worker idles.
    """
    memory = memory or int(MEMORY_SHARE * memory_of(device))
    resumed, rest = _form_again(jobs, done, folder, device)
    groups: dict[tuple[Any, ...], list[Job]] = {}
    for job in rest:
        groups.setdefault(_kind(job, device), []).append(job)
    share = -(-sum(len(group) for group in groups.values() if len(group) > 1) // max(workers, 1))
    slabs = []
    for group in groups.values():
        most = min(
            MOST_RUNS[device.partition("+")[0]],
            max(share, 1),
            fitting_runs(group[0], device, memory // max(workers, 1)),
        )
        count = -(-len(group) // most)
        bounds = [round(i * len(group) / count) for i in range(count + 1)]
        slabs += [form_slab(group[low:high], folder, device) for low, high in pairwise(bounds)]
    order = {job.run: place for place, job in enumerate(jobs)}
    return resumed + sorted(slabs, key=lambda slab: order[slab.jobs[0].run])


def form_slab(jobs: Sequence[Job], folder: Path, device: str) -> JobSlab:
    """`jobs`, which can train together, as one slab, with its checkpoint in `folder` where its learner keeps one."""
    slab = JobSlab(tuple(jobs), device)
    if not isinstance(build_learner(jobs[0].run.algorithm, device), StackedLearner):
        return slab
    name = hashlib.sha256(slab.name.encode()).hexdigest()[:16]
    return replace(slab, checkpoint=checkpoint_folder(folder) / f"{name}.safetensors")


def fitting_runs(job: Job, device: str, memory: int) -> int:
    """How many runs like `job` fit into `memory` bytes together; 1 at least."""
    learner = build_learner(job.run.algorithm, device)
    if not isinstance(learner, StackedLearner):
        return 1
    data = curate_once(job.run.dataset, job.run.curation)
    # Scaled rewards take no more room, and constant ones cannot be scaled.
    learner = replace(learner, reward_scaler="none")
    try:
        one, two = (estimate_bytes(learner, data, job.run.episodes, runs) for runs in (1, 2))
    except Exception:  # noqa: BLE001 - what cannot be built says so in its own record
        return 1
    return max(1, 1 + (memory - one) // (two - one))


def checkpoint_folder(folder: Path) -> Path:
    """Where the half-trained slabs of a results folder are kept."""
    return folder / "checkpoints"


def drop_checkpoints(folder: Path, slab: JobSlab) -> None:
    """Delete what can no longer be gone on from now that the runs of `slab` have records: also what a kill left."""
    finished = {job.run.key for job in slab.jobs}
    for path in checkpoint_folder(folder).glob("*.safetensors"):
        if finished.intersection((read_checkpoint_name(path) or "").split()):
            path.unlink(missing_ok=True)
    if slab.checkpoint is not None:
        # With those of its halves, and what was half written.
        for path in slab.checkpoint.parent.glob(f"{slab.checkpoint.stem}.*"):
            path.unlink(missing_ok=True)


def drop_finished(folder: Path, wanted: Collection[str], shared: Path | None = None) -> None:
    """Delete the checkpoints whose runs all have records in `folder`, but those with runs of the keys `wanted`.

    `shared` is the folder that has the checkpoints, where that is another one.
    """
    recorded = {path.stem for path in (folder / "records").rglob("*.json")}
    for path in checkpoint_folder(shared or folder).glob("*.safetensors"):
        name = (read_checkpoint_name(path) or "").partition(RESTS)[0]
        keys = {word for word in name.split() if KEY.fullmatch(word)}
        if keys and keys <= recorded and keys.isdisjoint(wanted):
            path.unlink(missing_ok=True)


def _form_again(jobs: Sequence[Job], done: Sequence[Job], folder: Path, device: str) -> tuple[list[JobSlab], list[Job]]:
    waiting, known = ({job.run.key: job for job in some} for some in (jobs, [*done, *jobs]))
    slabs = []
    for path in sorted(checkpoint_folder(folder).glob("*.safetensors")):
        name, _, rests = (read_checkpoint_name(path) or "").partition(RESTS)
        keys = [word for word in name.split() if word in known]
        if not any(key in waiting for key in keys):
            continue
        finished = frozenset(known[key].run for key in keys if key not in waiting)
        slab = JobSlab(tuple(known[key] for key in keys), device, path, finished)
        # Only the very same slab, and no half of it: any other would train its runs from the start anyway.
        if slab.name == name and " " not in rests:
            slabs.append(slab)
            for key in keys:
                waiting.pop(key, None)
    return slabs, list(waiting.values())


def _kind(job: Job, device: str) -> tuple[Any, ...]:
    learner = build_learner(job.run.algorithm, device)
    if not isinstance(learner, StackedLearner):
        return ("alone", job.run.key)
    return (job.run.dataset, job.run.curation, job.run.steps, job.run.episodes, job.at, learner.shape())
