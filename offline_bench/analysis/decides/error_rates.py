"""How often the gate and the verdict of a set are wrong, on simulated runs whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from offline_bench.analysis.decides.verdict_of_set import VERDICTS, classify, decide_sides, excess_of
from offline_bench.analysis.jackknife import mean_interval
from offline_bench.analysis.scores.competence import MARGIN

Array = npt.NDArray[np.float64]
Shape = tuple[int, ...]

DEVIATION = 10.0
AUDIT_SEED = 16


def _normal(rng: np.random.Generator, shape: Shape) -> Array:
    return rng.standard_normal(shape)


def _heavy(rng: np.random.Generator, shape: Shape) -> Array:
    """Student's t with 3 degrees of freedom: variance 3."""
    return np.asarray(rng.standard_t(3, shape) / np.sqrt(3.0))


def _skewed(rng: np.random.Generator, shape: Shape) -> Array:
    spread = 0.8
    variance = np.expm1(spread**2) * np.exp(spread**2)
    return np.asarray((rng.lognormal(0.0, spread, shape) - np.exp(spread**2 / 2)) / np.sqrt(variance))


def _collapsing(rng: np.random.Generator, shape: Shape) -> Array:
    """One run in four ends far below the others, which differ little."""
    fallen = (rng.random(shape) < 0.25) - 0.25
    return np.asarray((-fallen / np.sqrt(0.1875)) * np.sqrt(0.9) + rng.standard_normal(shape) * np.sqrt(0.1))


# Noise of mean 0 and deviation 1.
NOISES: dict[str, Callable[[np.random.Generator, Shape], Array]] = {
    "normal": _normal,
    "t(3)": _heavy,
    "lognormal": _skewed,
    "collapse": _collapsing,
}


def gate_pass_rate(
    rng: np.random.Generator,
    seeds: int,
    *,
    lift: float = 0.0,
    noise: str = "normal",
    cloning_deviation: float = DEVIATION,
    trials: int = 40_000,
) -> float:
    """Share of learners, `lift` points better than cloning, whose paired interval over `seeds` seeds is all above it.

    Both are drawn with `noise`, independent of each other; a learner deviates by 10 points. Lift 0 reads no reward.
    """
    learner, cloning = (NOISES[noise](rng, (trials, seeds)) for _ in range(2))
    _, low, _ = mean_interval(lift + DEVIATION * learner - cloning_deviation * cloning)
    return float((low > 0.0).mean())


def published_pass_rate(rng: np.random.Generator, seeds: int, published: float, trials: int = 40_000) -> float:
    """Share of normal learners that read no reward which pass by cloning or by a score `published` points above it."""
    learner, cloning = (DEVIATION * NOISES["normal"](rng, (trials, seeds)) for _ in range(2))
    above = mean_interval(learner - cloning)[1] > 0.0
    reached = (mean_interval(learner)[1] >= published) & (cloning.mean(axis=1) + MARGIN < published)
    return float((above | reached).mean())


def verdict_rates(
    rng: np.random.Generator,
    kept: Sequence[Sequence[float]],
    seeds: int,
    *,
    lift: float = 30.0,
    noise: str = "normal",
    trials: int = 4_000,
) -> dict[str, float]:
    """Share of each verdict over simulated sets, gate included. kept: (learners, rewards) the true K/L.

    Each learner is `lift` points above cloning under the true reward. Runs deviate by 10 points and share nothing but
    cloning, which all are held to.
    """
    share = np.asarray(kept, float)
    learners, rewards = share.shape
    draw = NOISES[noise]
    cloning = DEVIATION * draw(rng, (trials, 1, 1, seeds))
    true = lift + DEVIATION * draw(rng, (trials, learners, 1, seeds))
    wrong = lift * share[..., None] + DEVIATION * draw(rng, (trials, learners, rewards, seeds))
    competent = mean_interval((true - cloning)[:, :, 0])[1] > 0.0
    excess = excess_of(true, wrong, cloning, by_half=True)
    counted = np.where(competent[:, :, None, None], excess, 0.0)
    number = competent.sum(axis=1)
    over = decide_sides(counted.sum(axis=1) / np.maximum(number, 1)[:, None, None])
    single = np.where(competent[:, :, None], decide_sides(excess), 0)
    found = np.where(number > 0, classify(over, single), VERDICTS[-1])
    return {verdict: float((found == verdict).mean()) for verdict in VERDICTS}


# What may be so of an audited set: the true K/L of each of three wrong rewards, and of which learners.
TRUTHS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float], str]] = {
    "no wrong reward helps (K/L 0)": ((0.0,) * 3, (0.0,) * 3, VERDICTS[0]),
    "they help a little (K/L 0.2)": ((0.2,) * 3, (0.2,) * 3, VERDICTS[0]),
    "any reward will do (K/L 1)": ((1.0,) * 3, (1.0,) * 3, VERDICTS[1]),
    "nearly so (K/L 0.8)": ((0.8,) * 3, (0.8,) * 3, VERDICTS[1]),
    "one of three rewards will do": ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0), VERDICTS[2]),
    "half the learners read it, half do not": ((0.0,) * 3, (1.0,) * 3, VERDICTS[2]),
    "all keep just one half": ((0.5,) * 3, (0.5,) * 3, VERDICTS[3]),
}
BLIND = "no learner reads its reward"


def audit_rates(learners: int, seeds: int, noise: str, trials: int = 2_000) -> dict[str, dict[str, float]]:
    """Shares of the four verdicts of an audit of `learners` learners, for each of `TRUTHS` and for `BLIND`.

    Three wrong rewards, of learners 30 points above cloning, the gate included; half of the learners are of the first
    kind of a truth, and the others of the second. The same numbers at every call.
    """
    rates = {}
    for name, (one, other, _) in TRUTHS.items():
        if learners < 2 and one != other:
            continue  # a single one does not differ from itself
        kept = [one] * (learners - learners // 2) + [other] * (learners // 2)
        rates[name] = verdict_rates(np.random.default_rng(AUDIT_SEED), kept, seeds, noise=noise, trials=trials)
    kept = [(1.0,) * 3] * learners
    rates[BLIND] = verdict_rates(np.random.default_rng(AUDIT_SEED), kept, seeds, lift=0.0, noise=noise, trials=trials)
    return rates
