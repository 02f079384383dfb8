"""An audit: a suite made on the spot, that asks of one dataset whether it is reward-sensitive."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
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
    """Which learners train beside cloning, by name, and for how many gradient steps each; two kinds of actions."""

    learners: Mapping[str, int]
    discrete_learners: Mapping[str, int]


# Cloning of all data or of its best tenth is done at 20,000 steps, and comes apart when it is trained much longer.
CLONING = 20_000
# Named for what they take two cores, within a factor of a few: the audit says what they take here. The steps are from
# `results/competence`: IQL is above cloning from 60,000 steps on, and the two others need more.
BUDGETS = {
    "minutes": Budget({"pct-bc": CLONING, "iql": 60_000}, {"discrete-cql": 20_000}),
    "hour": Budget(
        {"pct-bc": CLONING, "onestep": 100_000, "td3-plus-bc": 100_000, "iql": 100_000},
        {"discrete-cql": 100_000, "dqn": 100_000},
    ),
    "night": Budget(
        {"pct-bc": CLONING, "onestep": 400_000, "td3-plus-bc": 400_000, "iql": 400_000},
        {"discrete-cql": 400_000, "dqn": 400_000},
    ),
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

    def find_learners(self) -> dict[str, int]:
        """Each learner beside cloning, as a spec text, and for how many steps it trains."""
        budget = BUDGETS[self.budget]
        settled = budget.discrete_learners if self.discrete else budget.learners
        if self.learners:
            return dict.fromkeys(self.learners, self.steps or max(settled.values()))
        steps = {name: self.steps or of_it for name, of_it in settled.items()}
        return {_settle(name, of_it): of_it for name, of_it in steps.items()}


def plan_audit(wish: Wish, folder: Path) -> Suite:
    """Every learner under the true reward, its placebo and the wrong ones, and cloning, which reads none, once.

    A learner has one setting, that of `results/competence`, for every dataset and every reward: networks of 64x64, and
    rewards scaled by the range of their own returns. Raises `SuiteError` for seeds or steps that cannot be.
    """
    cloning = "discrete-bc" if wish.discrete else "bc(hidden_units=(64, 64))"
    seeds = tuple(range(wish.seeds))
    grids = [Grid((wish.dataset,), (cloning,), (TRUE,), seeds, wish.steps or CLONING, EPISODES)]
    for text, steps in wish.find_learners().items():
        grids.append(Grid((wish.dataset,), (text,), (TRUE, PLACEBO, *WRONG), seeds, steps, EPISODES))
    return Suite(folder.name, f"audit of {wish.dataset}: is it reward-sensitive?", folder, tuple(grids), gate=True)


def name_audit(wish: Wish) -> str:
    """The name of its folder."""
    steps = f"-{wish.steps}-steps" if wish.steps else ""
    return f"audit-{wish.dataset.replace('/', '--')}-{wish.budget}{steps}"


def plan_learner_audit(algorithm: str, standard: Suite, steps: int, folder: Path) -> Suite:
    """`algorithm` on the whole sets of `standard`, under their rewards and a placebo; `steps` 0 for those of the suite.

    Seeds, episodes and steps are those of its longest grid on whole sets. Raises `SuiteError` where it has none, and
    what binding the algorithm raises.
    """
    grids = [grid for grid in standard.grids if FULL in grid.curations and {TRUE, *WRONG} <= set(grid.relabelings)]
    if not grids:
        wanted = ", ".join((TRUE, *WRONG))
        raise SuiteError(
            f"suite {standard.name} has no grid of whole sets under {wanted}: choose another one with --suite"
        )
    text = str(algorithms.bind(algorithm))
    datasets = tuple(dict.fromkeys(name for grid in grids for name in grid.datasets))
    rewards = (TRUE, PLACEBO, *WRONG)
    longest = max(grids, key=lambda grid: grid.steps)
    grid = Grid(datasets, (text,), rewards, longest.seeds, steps or longest.steps, longest.episodes)
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


def _settle(name: str, steps: int) -> str:
    """The spec text of the learner `name` that trains for `steps`; the name itself where it has no setting here."""
    shared = "hidden_units=(64, 64), reward_scaler='return-range'"
    fast = "actor_learning_rate=1e-3, critic_learning_rate=1e-3, layer_norm=True"
    texts = {
        "pct-bc": "pct-bc(hidden_units=(64, 64))",
        # One improvement, half way: until then it is cloning.
        "onestep": f"onestep(extraction='exp-weighted', n_critic_steps={steps // 2}, {shared})",
        "td3-plus-bc": f"td3-plus-bc({fast}, {shared})",
        "iql": f"iql({fast}, {shared})",
    }
    return texts.get(name, name)
