"""Which runs train together, that it changes none of them, and what a bad one does to the others: nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from offline_bench import ActionSpace, Dataset, relabelings
from offline_bench.algorithms import StackedLearner, build_learner, estimate_bytes
from offline_bench.algorithms.device import select_device
from offline_bench.algorithms.stacked import slab as slab_module
from offline_bench.algorithms.stacked.history import LossHistory
from offline_bench.core.errors import SpecError
from offline_bench.data.extent import Extent
from offline_bench.environments.steppers import Steppers
from offline_bench.runs import outcome
from offline_bench.runs.experiment import Job, JobSlab, carry_out, carry_out_slab, prepare_data
from offline_bench.runs.record import Record, Run, to_text
from offline_bench.runs.slabs import checkpoint_folder, fitting_runs, group_jobs
from tests.conftest import MEDIUM, RANDOM, without_time

pytestmark = pytest.mark.slow

SMALL = "batch_size=16, hidden_units=(16, 16)"
TD3 = f"td3-plus-bc({SMALL})"


def job(
    text: str = TD3, seed: int = 0, reward: str = "original", steps: int = 60, at: tuple[int, ...] = (), **names: str
) -> Job:
    run = Run(names.get("dataset", MEDIUM), names.get("curation", "full"), reward, text, seed, steps, 2)
    return Job(run, (*at, steps))


def told(records: list[Record]) -> dict[Run, str]:
    """The records to the last bit, but for how long they took."""
    return {r.run: to_text(without_time(r)) for r in records}


def grouped(jobs: list[Job], folder: Path, workers: int = 1, memory: int | None = None) -> list[list[int]]:
    """The slabs of `jobs`, each as the places of its jobs."""
    slabs = group_jobs(jobs, folder, workers, memory=memory)
    assert sorted(jobs.index(j) for slab in slabs for j in slab.jobs) == list(range(len(jobs)))
    return [[jobs.index(j) for j in slab.jobs] for slab in slabs]


@pytest.fixture(autouse=True)
def environments_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting other processes takes longer than what they would do."""
    monkeypatch.setattr(outcome, "Steppers", lambda environment, count: Steppers(environment, 0))


@pytest.fixture
def huge() -> Iterator[str]:
    """A relabeling whose squares no float32 holds."""

    def huge_rewards(data: Dataset, rng: np.random.Generator) -> np.ndarray:
        return np.full(data.n, 1e38, np.float32)

    relabelings.register("huge-of-test")(huge_rewards)
    yield "huge-of-test"
    del relabelings._functions["huge-of-test"]


@pytest.mark.parametrize(
    "other",
    [
        job(dataset=RANDOM),
        job(curation="truncate(steps=50)"),
        job(steps=70),
        job(seed=2, at=(30,)),
        Job(replace(job().run, episodes=3), (60,)),
        job("td3-plus-bc(batch_size=16, hidden_units=(16, 8))"),
        job("td3-plus-bc(batch_size=8, hidden_units=(16, 16))"),
        job(f"td3-plus-bc({SMALL}, actor_learning_rate=0.001)"),
        job(f"td3-plus-bc({SMALL}, critic_learning_rate=0.001)"),
        job(f"td3-plus-bc({SMALL}, tau=0.01)"),
        job(f"td3-plus-bc({SMALL}, update_actor_interval=1)"),
        job(f"td3-plus-bc({SMALL}, standardize=False)"),
        job(f"td3-plus-bc({SMALL}, reward_scaler='standard')"),
        job(f"td3-plus-bc({SMALL}, trainer='d3rlpy')"),
        job(f"bc({SMALL})"),
    ],
    ids=lambda other: f"{other.run.dataset[-9:]} {other.run.curation} {other.run.algorithm} {other.at}",
)
def test_what_differs_in_data_shape_or_budget_trains_apart(at_home: Path, tmp_path: Path, other: Job) -> None:
    assert grouped([job(), other, job(seed=1)], tmp_path) == [[0, 2], [1]]


@pytest.mark.parametrize(
    ("one", "another"),
    [
        (TD3, f"td3-plus-bc({SMALL}, alpha=1.0, gamma=0.9, target_smoothing_sigma=0.1)"),
        (f"iql({SMALL})", f"iql({SMALL}, expectile=0.9, weight_temp=1.0, max_weight=5.0)"),
        (f"atac({SMALL})", f"atac({SMALL}, beta=4.0, gamma=0.9, norm_bound=10.0)"),
        (f"pspi({SMALL})", f"pspi({SMALL}, beta=0.25, initial_temperature=0.5)"),
        (f"cql({SMALL})", f"cql({SMALL}, conservative_weight=1.0, alpha_threshold=-1.0)"),
        (f"sac({SMALL})", f"sac({SMALL}, initial_temperature=0.1)"),
    ],
)
def test_numbers_that_are_vectors_of_a_slab_and_rewards_and_seeds_train_together(
    at_home: Path, tmp_path: Path, one: str, another: str
) -> None:
    jobs = [job(one), job(another), job(one, reward="zero"), job(another, seed=3)]
    assert grouped(jobs, tmp_path) == [[0, 1, 2, 3]]


def test_what_d3rlpy_trains_is_alone_and_keeps_no_checkpoint(at_home: Path, tmp_path: Path) -> None:
    jobs = [job(text, seed) for text in ("dt", "bcq", f"bc({SMALL}, trainer='d3rlpy')") for seed in (0, 1)]
    slabs = group_jobs(jobs, tmp_path)
    assert [slab.jobs for slab in slabs] == [(j,) for j in jobs]
    assert {slab.checkpoint for slab in slabs} == {None}


def test_no_worker_idles_and_slabs_stand_in_the_order_of_their_first_jobs(at_home: Path, tmp_path: Path) -> None:
    six = [job(seed=seed) for seed in range(6)]
    assert grouped(six, tmp_path, workers=1) == [[0, 1, 2, 3, 4, 5]]
    assert grouped(six, tmp_path, workers=2) == [[0, 1, 2], [3, 4, 5]]
    assert grouped(six, tmp_path, workers=6) == [[0], [1], [2], [3], [4], [5]]
    assert grouped(six[:1], tmp_path, workers=6) == [[0]]
    assert grouped([], tmp_path, workers=2) == []
    mixed = [job("dt"), job(f"bc({SMALL})"), job(), job(f"bc({SMALL})", 1), job(seed=1), job("dt", 1)]
    assert grouped(mixed, tmp_path, workers=1) == [[0], [1, 3], [2, 4], [5]]


def test_memory_bounds_a_slab_and_one_run_is_always_taken(at_home: Path, tmp_path: Path) -> None:
    six = [job(seed=seed) for seed in range(6)]
    assert grouped(six, tmp_path, memory=1) == [[0], [1], [2], [3], [4], [5]]
    learner = build_learner(TD3)
    assert isinstance(learner, StackedLearner)
    three = estimate_bytes(learner, Extent.of(prepare_data(six[0].run)), 2, 3)
    assert [fitting_runs(six[0], "cpu", memory) for memory in (three - 1, three, 10 * three)][:2] == [2, 3]
    assert grouped(six, tmp_path, memory=three) == [[0, 1, 2], [3, 4, 5]]
    assert grouped(six, tmp_path, workers=2, memory=2 * three - 2) == [[0, 1], [2, 3], [4, 5]]
    assert fitting_runs(job("dt"), "cpu", 10**12) == 1


def test_a_half_trained_slab_is_formed_again_whatever_else_is_done(at_home: Path, tmp_path: Path) -> None:
    jobs = [job(seed=seed) for seed in range(6)]
    first, second = group_jobs(jobs, tmp_path, workers=2)
    assert second.checkpoint is not None
    half_train(second)
    assert group_jobs(jobs[3:], tmp_path, workers=2) == [second]
    assert group_jobs(jobs, tmp_path, workers=1) == [second, first]
    assert [slab.jobs for slab in group_jobs([*jobs, job(seed=7)], tmp_path, workers=1)] == [
        second.jobs,
        (*first.jobs, job(seed=7)),
    ]
    # One of its runs is not asked for: the others train from the start, and the file stays for another day.
    assert [slab.jobs for slab in group_jobs(jobs[4:], tmp_path, workers=1)] == [tuple(jobs[4:])]
    (checkpoint_folder(tmp_path) / "odd.safetensors").write_bytes(b"odd")
    assert group_jobs(jobs[3:], tmp_path, workers=2) == [second]


def half_train(slab: JobSlab) -> None:
    class Stopped(BaseException): ...

    def stop(share: float) -> None:
        raise Stopped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slab_module, "CHECKPOINT_EVERY", 20)
        patch.setattr(slab_module, "PROGRESS_EVERY", 30)
        with pytest.raises(Stopped):
            carry_out_slab(slab, lambda share: stop(share) if share > 0.4 else None)
    assert slab.checkpoint is not None
    assert slab.checkpoint.exists()


def test_a_checkpoint_of_other_rewards_under_the_same_name_is_not_gone_on_from(at_home: Path, tmp_path: Path) -> None:
    first, again = (lambda data, rng: data.true_rewards), (lambda data, rng: -data.true_rewards)
    try:
        relabelings.register("changed-of-test")(first)
        (slab,) = group_jobs([job(reward="changed-of-test", at=(30,))], tmp_path)
        half_train(slab)
        relabelings._functions.pop("changed-of-test")
        relabelings.register("changed-of-test")(again)
        assert told(carry_out_slab(slab)) == told([carry_out(slab.jobs[0])])
    finally:
        relabelings._functions.pop("changed-of-test", None)


@pytest.mark.parametrize(
    "texts", [(TD3, f"td3-plus-bc({SMALL}, alpha=1.0)"), (f"bc({SMALL})",), (f"cql({SMALL}, n_action_samples=2)",)]
)
def test_records_are_the_same_to_the_bit_however_runs_are_grouped(at_home: Path, texts: tuple[str, ...]) -> None:
    jobs = [job(text, seed, reward, at=(30,)) for text in texts for seed in (0, 1) for reward in ("original", "random")]
    alone = told([carry_out(j) for j in jobs])
    assert told(carry_out_slab(JobSlab(tuple(jobs)))) == alone
    assert told(carry_out_slab(JobSlab(tuple(jobs[::-1][:3])))).items() <= alone.items()
    assert {'"status": "ok"' in text for text in alone.values()} == {True}


def test_means_of_losses_do_not_depend_on_what_stands_beside() -> None:
    losses = torch.from_numpy(np.random.default_rng(0).lognormal(0.0, 8.0, (200, 3)).astype(np.float32))
    together, alone = LossHistory(3), LossHistory(1)
    for step, values in enumerate(losses):
        together.note(step, {"loss": values})
        alone.note(step, {"loss": values[:1]})
    for history in (together, alone):
        assert history.flush() == []
    assert together.take_means()[0] == alone.take_means()[0]


def test_a_run_that_diverges_is_recorded_so_and_its_neighbors_do_not_notice(at_home: Path, huge: str) -> None:
    well = [job(seed=seed, at=(30,)) for seed in (0, 1)]
    records = carry_out_slab(JobSlab((well[0], job(reward=huge, at=(30,)), well[1])))
    assert [record.status for record in records] == ["ok", "diverged", "ok"]
    assert records[1].reason == "critic_loss stopped being finite at step 1"
    assert (records[1].returns, records[1].curve, records[1].fingerprints["policy"]) == ([], [], "")
    assert told([records[0], records[2]]) == told(carry_out_slab(JobSlab(tuple(well))))
    assert told([records[1]]) == told([carry_out(job(reward=huge, at=(30,)))])


def test_a_slab_whose_runs_all_diverge_ends_at_once_and_says_so(at_home: Path, huge: str) -> None:
    seen: list[float] = []
    slab = JobSlab(tuple(job(reward=huge, seed=seed, steps=100_000, at=(50_000,)) for seed in (0, 1)))
    records = carry_out_slab(slab, seen.append)
    assert [record.status for record in records] == ["diverged"] * 2
    assert {record.reason for record in records} == {"critic_loss stopped being finite at step 1"}
    assert len(seen) == 1


def test_a_run_that_cannot_be_trained_fails_alone(at_home: Path) -> None:
    text = f"td3-plus-bc({SMALL}, reward_scaler='standard')"
    jobs = [job(text), job(text, reward="zero"), job(text, seed=1)]
    records = carry_out_slab(JobSlab(tuple(jobs)))
    assert [record.status for record in records] == ["ok", "failed", "ok"]
    assert records[1].reason == (
        "reward scaler 'standard' divides by the spread of the rewards, and these are constant."
    )
    assert told([records[0], records[2]]) == told(carry_out_slab(JobSlab((jobs[0], jobs[2]))))


def test_records_tell_trainer_and_device(at_home: Path) -> None:
    for text, trainer in ((f"bc({SMALL})", "stacked"), (f"bc({SMALL}, trainer='d3rlpy')", "d3rlpy")):
        provenance = carry_out(job(text, steps=3)).provenance
        assert (provenance["trainer"], provenance["device"]) == (trainer, "cpu")


# Peak memory of a process that trains a few steps of a slab and evaluates it, with what its stepper takes.
MEASURE = """
import resource, sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[1])
from tests.runs.test_slabs import hopper_like
from offline_bench.algorithms import Member, build_learner, open_checkpoint
from offline_bench.runs.outcome import train_together
import offline_bench.evaluation.evaluate, offline_bench.environments.steppers.crew as crew
learner, runs, episodes = build_learner(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
stepper = []
close = crew.Steppers.close
def measured_close(self):
    for pid in self.pids:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        stepper.extend(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    close(self)
crew.Steppers.close = measured_close
data = hopper_like()
members = [
    Member(learner.parameters, data.with_rewards(data.true_rewards * (1 + k), str(k)), np.random.SeedSequence(k))
    for k in range(runs)
]
train_together(learner, members, (4,), episodes, lambda step: None, open_checkpoint(Path(sys.argv[5]) / "c", "c"))
lines = Path("/proc/self/status").read_text().splitlines()
print((sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) + max(stepper)) * 1024)
"""


def hopper_like() -> Dataset:
    """20,000 transitions of the sizes of Hopper."""
    rng = np.random.default_rng(0)
    n, box = 20_000, np.ones(3, np.float32)
    return Dataset(
        id="sizes-of-hopper",
        environment="Hopper-v5",
        action_space=ActionSpace(-box, box),
        observations=rng.standard_normal((n, 11)).astype(np.float32),
        actions=rng.uniform(-1, 1, (n, 3)).astype(np.float32),
        next_observations=rng.standard_normal((n, 11)).astype(np.float32),
        true_rewards=rng.standard_normal(n).astype(np.float32),
        terminals=np.zeros(n, bool),
        timeouts=np.arange(n) % 1000 == 999,
    )


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("td3-plus-bc(hidden_units=(64, 64), batch_size=128)", 1),
        ("td3-plus-bc(hidden_units=(64, 64), batch_size=128)", 12),
        ("td3-plus-bc", 12),
        ("atac", 6),
        ("cql", 4),
    ],
)
def test_memory_is_estimated_within_a_factor_of_two(tmp_path: Path, text: str, runs: int) -> None:
    learner = build_learner(text)
    assert isinstance(learner, StackedLearner)
    estimate = estimate_bytes(learner, Extent.of(hopper_like()), 4, runs)
    command = [sys.executable, "-c", MEASURE, str(Path(__file__).parents[2]), text, str(runs), "4", str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    measured = int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    print(f"{text} × {runs}: estimated {estimate >> 20} MiB, measured {measured >> 20} MiB")  # noqa: T201
    assert 0.8 * measured <= estimate <= 2.0 * measured


def test_a_device_is_named_by_one_of_three_names() -> None:
    assert select_device("cpu") == "cpu:0"
    for name in ("gpu", "CUDA", "cuda:1", ""):
        with pytest.raises(SpecError, match="device is cpu, cuda, cuda\\+tf32, not"):
            select_device(name)


def test_rounder_products_come_by_explicit_choice_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    before = torch.backends.cuda.matmul.allow_tf32
    try:
        for name, rounder in (("cuda", False), ("cuda+tf32", True), ("cuda", False)):
            assert select_device(name) == "cuda:0"
            assert torch.backends.cuda.matmul.allow_tf32 is rounder
        assert select_device("cpu") == "cpu:0"
        assert torch.backends.cuda.matmul.allow_tf32 is False
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def test_a_run_on_another_device_is_another_slab() -> None:
    slab = JobSlab((job(), job(seed=1)))
    assert slab.name != replace(slab, device="cuda").name != replace(slab, device="cuda+tf32").name
    assert build_learner(TD3, "cuda").shape() != build_learner(TD3).shape()  # type: ignore[attr-defined]
