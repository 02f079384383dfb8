"""An audit: a suite made on the spot, that asks of one dataset whether it is reward-sensitive."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from offline_bench.algorithms import algorithms
from offline_bench.core.errors import SuiteError
from offline_bench.core.registry import unknown_name
from offline_bench.core.spec import spec_name
from offline_bench.runs.suites import Grid, Suite

FULL, TRUE, PLACEBO = "full", "original", "placebo"
WRONG = ("zero", "random", "negative")
SEEDS = (0, 1, 2, 3, 4)
EPISODES = 10


@dataclass(frozen=True)
class Budget:
    """How long each learner trains, in gradient steps, and which ones do beside cloning, by name."""

    steps: int
    learners: tuple[str, ...]
    discrete_learners: tuple[str, ...]


# Named for what they take two cores, within a factor of a few: the audit says what they take here. Below a hundred
# thousand steps no learner of values is known to read the reward, see `results/competence`; so the least budget is of
# those that follow a fixed target.
BUDGETS = {
    "minutes": Budget(20_000, ("pct-bc", "onestep"), ("discrete-cql",)),
    "hour": Budget(100_000, ("pct-bc", "onestep", "td3-plus-bc", "iql"), ("discrete-cql", "dqn")),
    "night": Budget(400_000, ("pct-bc", "onestep", "td3-plus-bc", "iql"), ("discrete-cql", "dqn")),
}


@dataclass(frozen=True)
class Wish:
    """The settings of an audit of `dataset`.

    budget    a name of `BUDGETS`
    discrete  whether the actions of the dataset are
    seeds     how many, from 0
    steps     gradient steps instead of the budget's; 0 for these
    learners  spec texts instead of the budget's learners; none for these
    """

    dataset: str
    budget: str
    discrete: bool = False
    seeds: int = len(SEEDS)
    steps: int = 0
    learners: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.budget not in BUDGETS:
            raise SuiteError(unknown_name("budget", self.budget, BUDGETS))
        if self.seeds < 2:
            raise SuiteError(
                f"an audit compares runs seed by seed, and {self.seeds} is too few: use at least 2, better 5"
            )

    @property
    def trained_steps(self) -> int:
        return self.steps or BUDGETS[self.budget].steps


def plan_audit(wish: Wish, folder: Path) -> Suite:
    """Every learner under the true reward, its placebo and the wrong ones, and cloning, which reads none, once.

    A learner has one setting, that of `results/competence`, for every dataset and every reward: networks of 64x64, and
    rewards scaled by the range of their own returns. Raises `SuiteError` for seeds or steps that cannot be.
    """
    learners = wish.learners or _settle(wish)
    cloning = "discrete-bc" if wish.discrete else "bc(hidden_units=(64, 64))"
    seeds = tuple(range(wish.seeds))
    grids = [
        Grid((wish.dataset,), (cloning,), (TRUE,), seeds, wish.trained_steps, EPISODES),
        Grid((wish.dataset,), learners, (TRUE, PLACEBO, *WRONG), seeds, wish.trained_steps, EPISODES),
    ]
    return Suite(folder.name, f"audit of {wish.dataset}: is it reward-sensitive?", folder, tuple(grids), gate=True)


def name_audit(wish: Wish) -> str:
    """The name of its folder."""
    steps = f"-{wish.steps}-steps" if wish.steps else ""
    return f"audit-{wish.dataset.replace('/', '--')}-{wish.budget}{steps}"


def plan_learner_audit(algorithm: str, standard: Suite, steps: int, folder: Path) -> Suite:
    """`algorithm` on the whole sets of `standard`, under their rewards and a placebo; `steps` 0 for those of the suite.

    Seeds, episodes and steps are those of its first grid on whole sets. Raises `SuiteError` where it has none, and what
    binding the algorithm raises.
    """
    grids = [grid for grid in standard.grids if FULL in grid.curations and {TRUE, *WRONG} <= set(grid.relabelings)]
    if not grids:
        wanted = ", ".join((TRUE, *WRONG))
        raise SuiteError(
            f"suite {standard.name} has no grid of whole sets under {wanted}: choose another one with --suite"
        )
    first, text = grids[0], str(algorithms.bind(algorithm))
    datasets = tuple(dict.fromkeys(name for grid in grids for name in grid.datasets))
    rewards = (TRUE, PLACEBO, *WRONG)
    grid = Grid(datasets, (text,), rewards, first.seeds, steps or first.steps, first.episodes)
    return Suite(folder.name, f"audit of {text}: does it use its reward?", folder, (grid,), gate=True)


def name_learner_audit(algorithm: str, standard: str, steps: int) -> str:
    """The name of its folder: the name alone where there are no parameters, else with a digest of the text."""
    text = str(algorithms.bind(algorithm))
    digest = f"-{hashlib.sha256(text.encode()).hexdigest()[:8]}" if "(" in text else ""
    return f"audit-of-{spec_name(text)}{digest}-{standard}" + (f"-{steps}-steps" if steps else "")


def to_toml(suite: Suite) -> str:
    """`suite` as the text of a suite file, for `status`, `report` and `reproduce` to read."""
    # A JSON text without characters beyond ASCII is a basic string of TOML.
    lines = [f"title = {json.dumps(suite.title)}", f"gate = {json.dumps(suite.gate)}"]
    for grid in suite.grids:
        lines += ["", "[[grids]]"]
        for name in ("datasets", "algorithms", "relabelings", "curations", "seeds", "curve"):
            lines.append(f"{name} = {json.dumps(list(getattr(grid, name)))}")
        lines += [f"steps = {grid.steps}", f"episodes = {grid.episodes}"]
    return "\n".join(lines) + "\n"


def _settle(wish: Wish) -> Sequence[str]:
    budget = BUDGETS[wish.budget]
    if wish.discrete:
        return budget.discrete_learners
    shared = "hidden_units=(64, 64), reward_scaler='return-range'"
    # One improvement, half way: until then it is cloning.
    halves = f"hidden_units=(64, 64), n_critic_steps={wish.trained_steps // 2}, reward_scaler='return-range'"
    texts = {"pct-bc": "pct-bc(hidden_units=(64, 64))", "onestep": f"onestep({halves})"}
    return tuple(texts.get(name, f"{name}({shared})") for name in budget.learners)
