"""The audit of a dataset as a section for its card, as tables, and as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from offline_bench.analysis.decides.set_audit import RETURN, SHARE, SetAudit
from offline_bench.analysis.digest.words import spread
from offline_bench.analysis.findings import Estimate
from offline_bench.analysis.origin import Provenance
from offline_bench.data.coverage import Coverage
from offline_bench.report.coverage.description import describe_text
from offline_bench.report.markdown import escape, number, table
from offline_bench.report.tables.table import Cell, Column, Rows, Table, cell_text

FORMAT = "offline-bench/audit/2"
LEARNER, REWARD = Column("learner", text=True), Column("reward", text=True)


@dataclass(frozen=True)
class Making:
    """How an audit was made, for whoever makes it again; `steps` are the gradient steps of each of `learners`."""

    command: str
    budget: str
    steps: tuple[int, ...]
    episodes: int
    seeds: tuple[int, ...]
    learners: tuple[str, ...]
    provenance: Provenance


def audit_card(audit: SetAudit, coverage: Coverage, making: Making) -> str:
    """`## Is this data reward-sensitive?`: a section to paste: verdict, tables, coverage, how to make it again."""
    return "\n".join(
        [
            "## Is this data reward-sensitive?\n",
            f"**{escape(audit.sentence)}**\n",
            *([f"What would settle it: {_settles(audit)}\n"] if audit.settles else []),
            f"{escape(audit.placebo.sentence)}\n",
            f"{escape(_say_runs(audit, making))}\n",
            *map(table_in_card, audit_tables(audit)),
            "### How it covers its task\n",
            describe_text(coverage),
            "### How to make this again\n",
            f"    {making.command}\n",
            *(f"- {escape(line)}" for line in making_lines(making)),
            "",
        ]
    )


def describing_card(coverage: Coverage, reason: str) -> str:
    """The section of a set that cannot be audited: why, and what can still be said of it."""
    return (
        f"## Is this data reward-sensitive?\n\n**Not audited: {escape(reason)}**\n\n"
        f"### How it covers its task\n\n{describe_text(coverage)}"
    )


def audit_tables(audit: SetAudit) -> tuple[Table, ...]:
    """What each learner scored under each reward, what wrong rewards kept, and who reads the true one."""
    return tuple(made for made in (_scores_table(audit), _kept_table(audit), _gate_table(audit)) if made.rows)


def _scores_table(audit: SetAudit) -> Table:
    scored = audit.scale.unit != RETURN
    units = [Column(audit.scale.unit)] if scored else []
    columns = (LEARNER, REWARD, *units, Column(RETURN), Column("seeds"))
    rows: list[tuple[Cell, ...]] = []
    for row in audit.rows:
        score: list[Cell] = [row.score] if scored else []
        rows.append((row.learner, row.relabeling, *score, row.true_return, row.true_return.n))
    title = "What each learner scored after training on each reward"
    return Table("scores", title, columns, tuple(rows), _scale_note(audit))


def _kept_table(audit: SetAudit) -> Table:
    rows: Rows = tuple(
        (item.relabeling, item.learner or "all together", _percent(item.ratio), item.side)
        for item in (*audit.found.effects, *audit.found.by_learner)
    )
    return Table(
        "kept",
        "What wrong rewards keep of what the true one gives over cloning",
        (REWARD, LEARNER, Column("kept, %", digits=0), Column("is", text=True)),
        rows,
        "Below half: the reward made a difference. Above half: it made none. Open: the interval holds both. Where "
        "cloning is as good as the data, a reward can add nothing, and the line is 5 points below cloning.",
    )


def _gate_table(audit: SetAudit) -> Table:
    rows: Rows = tuple((item.label, f"{item.mark} {item.word}", item.reason) for item in audit.judged)
    columns = (LEARNER, Column("competent?", text=True), Column("why", text=True, wide=True))
    return Table("gate", "Who reads the true reward: only these have a say", columns, rows)


def making_lines(making: Making) -> tuple[str, ...]:
    """Budget, seeds, learners, data, machines and versions, a sentence each."""
    made = making.provenance
    versions = ", ".join(f"{name} {' and '.join(seen)}" for name, seen in made.versions)
    seeds, steps = ", ".join(map(str, making.seeds)), spread(making.steps, 0)
    return (
        f"Budget {making.budget}: {steps} steps, {making.episodes} evaluation episodes, seeds {seeds}.",
        *(f"Learner {text}, {steps:,} steps." for text, steps in zip(making.learners, making.steps, strict=True)),
        *(f"Content of {name}: {' and '.join(seen)}." for name, seen in made.fingerprints),
        f"Made on {' and '.join(made.machines) or 'an unknown machine'}, {made.seconds / 3600.0:.2f} hours of runs.",
        f"Versions: {versions or 'not known'}.",
    )


def audit_json(audit: SetAudit, coverage: Coverage, making: Making) -> str:
    """Everything unrounded; null where a number is none."""
    content = {"format": FORMAT, **asdict(audit), "settles": audit.settles, "making": asdict(making)}
    content["placebo"] |= {"shows": audit.placebo.shows, "sentence": audit.placebo.sentence}
    return json.dumps(strict({**content, "coverage": asdict(coverage)}), indent=1, allow_nan=False) + "\n"


def describing_json(coverage: Coverage, reason: str) -> str:
    """That of a set that cannot be audited: no verdict, and the coverage."""
    content = {"format": FORMAT, "dataset": coverage.dataset, "verdict": "not audited", "sentence": reason}
    return json.dumps(strict({**content, "coverage": asdict(coverage)}), indent=1, allow_nan=False) + "\n"


def _say_runs(audit: SetAudit, making: Making) -> str:
    ill = audit.expected - audit.done
    behind = f"{audit.done} of {audit.expected} runs ended well"
    told = f"{behind}; {ill} did not, and are in no number" if ill else behind
    same = "Each learner trains on the same transitions under every reward, from the same weights and minibatches"
    return f"{told}. {same}."


def _scale_note(audit: SetAudit) -> str:
    mean, score = audit.behavior
    data = f"The data itself: true return {number(mean)}"
    if math.isfinite(score):
        data += f", {number(score)} on that scale"
    if audit.scale.unit == SHARE:
        zero, hundred = number(audit.scale.zero), number(audit.scale.hundred)
        return f"{data}. This set has no reference returns: 0 is {zero}, 100 is {hundred}, from {audit.scale.source}."
    if math.isfinite(audit.scale.zero):
        zero, hundred = number(audit.scale.zero), number(audit.scale.hundred)
        return f"{data}. 0 is a return of {zero}, 100 one of {hundred}. Source: {audit.scale.source}."
    return f"{data}. Random actions do as well as the data, so there is no scale from one to the other."


def _percent(of: Estimate) -> Estimate:
    return Estimate(100.0 * of.value, 100.0 * of.low, 100.0 * of.high, of.n)


def _settles(audit: SetAudit) -> str:
    # Commands in it are set as code; nothing in it comes from strangers but a learner's label.
    parts = audit.settles.split("`")
    told = [f"`{part}`" if at % 2 else escape(part) for at, part in enumerate(parts)]
    return " ".join(filter(None, told)).replace("` .", "`.").replace("` )", "`)").replace("( `", "(`")


def table_in_card(made: Table) -> str:
    """Title, table and note; all text escaped."""
    left = next((at for at, column in enumerate(made.columns) if not column.text), len(made.columns))
    rows = [
        [escape(cell_text(cell, column)) for cell, column in zip(row, made.columns, strict=True)] for row in made.rows
    ]
    laid_out = table([escape(column.heading) for column in made.columns], rows, left)
    return f"{escape(made.title)}:\n\n{laid_out}" + (f"\n{escape(made.note)}\n" if made.note else "")


def strict(value: Any) -> Any:
    """`value` as strict JSON has it: null for what is no finite number."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: strict(part) for name, part in value.items()}
    return [strict(part) for part in value] if isinstance(value, list | tuple) else value
