"""Other people's dataset files: taking one in, and checking what lies here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from offline_bench.commands.display import open_bar
from offline_bench.commands.tell import tell
from offline_bench.core.errors import OfflineBenchError
from offline_bench.data.loaders import find_task
from offline_bench.data.loaders.intake import take_in
from offline_bench.data.loaders.leniency import Leniency
from offline_bench.data.loaders.scoring import set_environment
from offline_bench.data.loaders.verify import Copy, Verdict, list_copies, verify
from offline_bench.environments.packages import named_file, package_of


def import_dataset(file: Path, environment: str | None, dataset_id: str, leniency: Leniency) -> None:
    """Take the D4RL file or Minari folder over into the cache as `dataset_id`, and print what came in."""
    taken = take_in(file, environment, dataset_id, leniency)
    data, task = taken.data, find_task(dataset_id)
    mean = float(data.true_returns.mean())
    score = f" (normalized {task.normalize(mean):.1f})" if task else ""
    tell(
        f"{dataset_id}: {data.n_episodes} episodes, {data.n} transitions, mean return {mean:.1f}{score}, "
        f"fingerprint {data.fingerprint}, in {taken.folder}"
    )
    _tell_package(environment or "")
    for note in data.notes:
        tell(f"Note: {note}.")
    if taken.jumps:
        tell(
            f"In {taken.jumps} episodes, some step's next observation differs from the observation of the step after "
            "it. Both are kept. Other readers of Minari's format see only the second."
        )
    if not task:
        tell(f"There are no scores yet. To get them, give {dataset_id!r} a card with a task in datasets/cards.toml.")


def set_scoring_environment(dataset_id: str, environment: str) -> None:
    """Have policies of `dataset_id` scored in `environment`, and say what that is."""
    tell(f"{dataset_id}: policies are scored in {set_environment(dataset_id, environment)}")
    _tell_package(environment)


def _tell_package(environment: str) -> None:
    package = package_of(environment)
    if package:
        tell(
            f"From now on, the package {package} may be imported for its environments: it is listed in {named_file()}."
        )


def verify_datasets(ids: Sequence[str] | None) -> None:
    """Verify every copy of `ids`, or all that lie here; exit with 1 where one is broken, missing or differs."""
    copies, complaints = _find(ids)
    bytes_left = total = max(sum(copy.size for copy in copies), 1)
    verdicts = []
    with open_bar("verifying", len(copies), "datasets") as bar:
        for copy in copies:
            verdicts.append(verify(copy))
            bytes_left -= copy.size
            bar.show(1.0 - bytes_left / total, len(verdicts), _describe(verdicts[-1]))
    complaints += [_complain(verdict) for verdict in verdicts if verdict.problems]
    sound = sum(not verdict.problems for verdict in verdicts)
    tell(f"{sound} of {len(verdicts)} datasets are sound and agree with their cards, metadata and environments")
    for complaint in complaints:
        tell(complaint)
    if complaints:
        raise typer.Exit(1)


def _find(ids: Sequence[str] | None) -> tuple[list[Copy], list[str]]:
    """The copies to verify, and what kept others from being found."""
    if not ids:
        return list_copies(), []
    copies: list[Copy] = []
    complaints = []
    for dataset_id in dict.fromkeys(ids):
        try:
            copies += list_copies(dataset_id)
        except OfflineBenchError as error:
            complaints.append(str(error))
    return copies, complaints


def _describe(verdict: Verdict) -> str:
    if verdict.problems:
        return f"{verdict.copy.id}: {'differs' if verdict.fingerprint else 'broken'}"
    where = "as on its card" if verdict.expected else "which no card has"
    noted = "".join(f"; {note}" for note in verdict.notes)
    return f"{verdict.copy.id}: sound, fingerprint {verdict.fingerprint}, {where}{noted}"


def _complain(verdict: Verdict) -> str:
    return f"{verdict.copy.id} in {verdict.copy.path}:" + "".join(f"\n  {problem}" for problem in verdict.problems)
