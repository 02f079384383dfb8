"""Which jobs train together: same data, same shape of algorithm, same budget, and as many as memory holds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

from offline_bench.algorithms import StackedLearner, build_learner, estimate_bytes, memory_of, read_checkpoint_name
from offline_bench.runs.experiment import RESTS, Job, JobSlab, extent_of
from offline_bench.runs.pace import compare_costs
from offline_bench.runs.record import Record, Run

# On a processor a larger slab is hardly faster, and holds up a worker for longer; a GPU wants hundreds.
MOST_RUNS = {"cpu": 16, "cuda": 512}
MEMORY_SHARE = 0.5
ROUNDING = 1e-9
# The last slabs of many workers leave the others idle: so each worker gets several. A few train larger ones faster.
FEW_WORKERS = 8
PORTIONS = 8
KEY = re.compile("[0-9a-f]{16}")


def group_jobs(
    jobs: Sequence[Job],
    folder: Path,
    workers: int = 1,
    device: str = "cpu",
    memory: int | None = None,
    done: Sequence[Job] = (),
    past: Iterable[Record] = (),
) -> list[JobSlab]:
    """`jobs` as slabs, in the order of `order_slabs`; what cannot be stacked is a slab of its own.

    Slabs with a checkpoint in `folder` are formed again as they were, so that they go on; those of `done`, jobs with a
    record, are in them where a kill came between two records of a slab. The other slabs are bounded by
    `memory`, bytes for all workers together (default: half of the device's), and none costs more than the share of one
    worker, of many workers an eighth of that; `past` records say what algorithms cost. On a processor, how runs are
    grouped changes none of them.
    """
    memory = memory or int(MEMORY_SHARE * memory_of(device))
    resumed, rest = _form_again(jobs, done, folder, device)
    groups: dict[tuple[Any, ...], list[Job]] = {}
    shape = cache(partial(_shape_of, device=device))
    for job in rest:
        groups.setdefault(_kind(job, shape(job.run.algorithm)), []).append(job)
    costs = compare_costs((job.run.algorithm for job in jobs), past)
    share = sum(_cost_of(group, costs) for group in groups.values() if len(group) > 1) / max(workers, 1)
    share /= PORTIONS if workers > FEW_WORKERS else 1
    slabs = []
    for group in groups.values():
        even = ceil(share * len(group) / _cost_of(group, costs) - ROUNDING)
        most = min(
            MOST_RUNS[device.partition("+")[0]],
            max(even, 1),
            fitting_runs(group[0], device, memory // max(workers, 1)),
        )
        count = -(-len(group) // most)
        bounds = [round(i * len(group) / count) for i in range(count + 1)]
        form = _form_stack if shape(group[0].run.algorithm) is not None else _form_alone
        slabs += [form(group[low:high], folder, device) for low, high in pairwise(bounds)]
    order = {job.run: place for place, job in enumerate(jobs)}
    slabs.sort(key=lambda slab: order[slab.jobs[0].run])
    return resumed + order_slabs(slabs, [_cost_of(slab.jobs, costs) for slab in slabs], workers)


def order_slabs(slabs: Sequence[JobSlab], costs: Sequence[float], workers: int) -> list[JobSlab]:
    """`slabs` so that none runs alone at the end: of the later half of the work, the longest first.

    The first half stays in order, so that what is finished early compares; but before it comes what takes longer than
    half of what all takes. Why longest first: Graham (1969), Bounds on multiprocessing timing anomalies.
    """
    if workers < 2:
        return list(slabs)
    half = sum(costs) / 2
    first: list[int] = []
    middle: list[int] = []
    last: list[int] = []
    begun = 0.0
    for place, cost in enumerate(costs):
        if cost > half / workers:
            first.append(place)
        else:
            (middle if begun < half else last).append(place)
        begun += cost
    longest = [sorted(places, key=lambda place: -costs[place]) for places in (first, last)]
    return [slabs[place] for place in (*longest[0], *middle, *longest[1])]


def _cost_of(jobs: Iterable[Job], costs: Mapping[str, float]) -> float:
    return sum(job.run.steps * costs[job.run.algorithm] for job in jobs)


def form_slab(jobs: Sequence[Job], folder: Path, device: str) -> JobSlab:
    """`jobs`, which can train together, as one slab, with its checkpoint in `folder` where its learner keeps one."""
    form = _form_stack if _shape_of(jobs[0].run.algorithm, device) is not None else _form_alone
    return form(jobs, folder, device)


def _form_alone(jobs: Sequence[Job], folder: Path, device: str) -> JobSlab:
    return JobSlab(tuple(jobs), device)


def _form_stack(jobs: Sequence[Job], folder: Path, device: str) -> JobSlab:
    slab = JobSlab(tuple(jobs), device)
    name = hashlib.sha256(slab.name.encode()).hexdigest()[:16]
    return replace(slab, checkpoint=checkpoint_folder(folder) / f"{name}.safetensors")


def fitting_runs(job: Job, device: str, memory: int) -> int:
    """How many runs like `job` fit into `memory` bytes together; 1 at least."""
    learner = build_learner(job.run.algorithm, device)
    if not isinstance(learner, StackedLearner):
        return 1
    extent = extent_of(job.run.dataset, job.run.curation)
    try:
        one, two = (estimate_bytes(learner, extent, job.run.episodes, runs) for runs in (1, 2))
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


def drop_finished(folder: Path, wanted: Iterable[Run], shared: Path | None = None) -> None:
    """Delete the checkpoints whose runs all have records in `folder`, but those with runs that are `wanted`.

    `shared` is the folder that has the checkpoints, where that is another one.
    """
    paths = list(checkpoint_folder(shared or folder).glob("*.safetensors"))
    if not paths:
        return
    recorded, still = {path.stem for path in (folder / "records").rglob("*.json")}, {run.key for run in wanted}
    for path in paths:
        name = (read_checkpoint_name(path) or "").partition(RESTS)[0]
        keys = {word for word in name.split() if KEY.fullmatch(word)}
        if keys and keys <= recorded and keys.isdisjoint(still):
            path.unlink(missing_ok=True)


def _form_again(jobs: Sequence[Job], done: Sequence[Job], folder: Path, device: str) -> tuple[list[JobSlab], list[Job]]:
    paths = sorted(checkpoint_folder(folder).glob("*.safetensors"))
    if not paths:
        # The keys of a hundred thousand runs take a second.
        return [], list(jobs)
    waiting, known = ({job.run.key: job for job in some} for some in (jobs, [*done, *jobs]))
    slabs = []
    for path in paths:
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


def _kind(job: Job, shape: Any) -> tuple[Any, ...]:
    if shape is None:
        return ("alone", job.run.key)
    return (job.run.dataset, job.run.curation, job.run.steps, job.run.episodes, job.at, shape)


def _shape_of(algorithm: str, device: str) -> Any:
    """What learners that train together share; None where it trains alone."""
    learner = build_learner(algorithm, device)
    return learner.shape() if isinstance(learner, StackedLearner) else None
