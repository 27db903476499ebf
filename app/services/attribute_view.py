"""Everything the page of an attribution over a dataset shows, also while it runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.analysis.layers import summarise
from app.analysis.stability import Stability, stability
from app.domain.attributing import AttributeSettings
from app.domain.runs import Run, RunState
from app.domain.scores import NeuronScores, RunningScores
from app.domain.sites import NeuronSpace
from app.figures import layers, studies
from app.figures.base import Figure
from app.services.run_view import NeuronLine, lines_of
from app.store.jobs import Jobs
from app.store.results import Results
from app.store.rows import buckets


@dataclass(frozen=True)
class AttributeView:
    """The result of an attribution over a dataset; ``partial`` while it is not whole, empty before the first shard.

    ``unit`` is the target's; ``change`` the mean of ΔF; ``flagged`` examples with a warning of the method.
    """

    settings: AttributeSettings
    unit: str
    target: str
    sentence: str
    n: int
    planned: int
    partial: bool
    parts: tuple[str, ...]
    part: str
    top: tuple[NeuronLine, ...]
    bottom: tuple[NeuronLine, ...]
    change: float | None
    flagged: int
    remainder: float | None
    stability: tuple[Stability, ...]
    figures: Mapping[str, Figure]
    warnings: tuple[str, ...]
    facts: Mapping[str, Any]
    total: int
    layers: tuple[int, ...]


def attribute_view(run: Run, results: Results, jobs: Jobs, part: str = "all") -> AttributeView:
    """The view, as far as it has come."""
    settings = AttributeSettings.model_validate(run.spec.settings)
    target = run.plan.get("target", {})
    unit = str(target.get("unit", ""))
    parts = tuple(run.plan.get("parts", ("all",)))
    part = part if part in parts else "all"
    ready = run.state in (RunState.DONE, RunState.PARTIAL) and bool(run.facts.get("n"))
    rows = results.items(run.id)
    running = None if ready else jobs.resume(run.id)[2]
    figures: dict[str, Figure] = {}
    halves: tuple[Stability, ...] = ()
    summary = dict(run.facts)
    if ready:
        figures = _figures(run, results, unit, part)
        halves = stability(*results.folds(run.id))
        if len(halves) > 1:
            points = [(one.n, one.spearman, one.jaccard) for one in halves]
            figures["stability"] = studies.stability(
                points, f"run {run.id} · folds of queries, seed {settings.sample.seed}"
            )
    elif running is not None and running.n:
        scores = running.scores(space_of(running))
        figures = _early(run, scores, unit)
        found = summarise(scores)
        summary = {"n": scores.n, "neurons": len(scores.space), "top_share": found.top_share}
        summary |= {"strongest_layer": found.strongest_layer}
    changes = [row.values["change"] for row in rows]
    n = int(summary.get("n", 0))
    return AttributeView(
        settings=settings,
        unit=unit,
        target=str(target.get("sentence", "")),
        sentence=_sentence(settings, summary, changes, unit) if n else "",
        n=n,
        planned=int(run.plan.get("items", 0)),
        partial=bool(n) and run.state is not RunState.DONE,
        parts=parts,
        part=part,
        top=lines_of(run, results, "top") if ready else (),
        bottom=lines_of(run, results, "bottom") if ready else (),
        change=float(np.mean(changes)) if changes else None,
        flagged=sum(1 for row in rows if row.notes.get("flagged")),
        remainder=float(np.mean([row.values["remainder"] for row in rows])) if rows else None,
        stability=halves,
        figures=figures,
        warnings=run.warnings,
        facts=summary,
        total=int(summary.get("neurons", 0)),
        layers=tuple(dict.fromkeys(int(row["layer"]) for row in (results.profile(run.id, part) if ready else ()))),
    )


def space_of(sums: RunningScores) -> NeuronSpace:
    """The neurons of running sums."""
    sites = tuple(sums.total)
    return NeuronSpace(sites, tuple(sums.total[site].shape[-1] for site in sites))


def _figures(run: Run, results: Results, unit: str, part: str) -> dict[str, Figure]:
    caption = f"run {run.id} · {run.spec.model} · n = {run.facts['n']} · {part}"
    sites = results.overview(run.id, part)
    several = len({site.kind for site, _, _ in sites}) > 1
    values = np.concatenate([results.layer(run.id, site, "mean", part) for site, _, _ in sites])
    return {
        "overview": layers.overview(sites, unit, caption, several),
        "profile": layers.profile(results.profile(run.id, part), unit, caption, several),
        "distribution": layers.distribution(values, unit, caption),
    }


def _early(run: Run, scores: NeuronScores, unit: str) -> dict[str, Figure]:
    """The overview of what was folded so far."""
    caption = f"run {run.id} · {run.spec.model} · partial, n = {scores.n}"
    sites = []
    for site, where in scores.space.slices():
        strongest = buckets(scores.of("all")[where])
        sites.append((site, strongest[0], strongest[1].astype(np.int64)))
    several = len({site.kind for site, _, _ in sites}) > 1
    return {"overview": layers.overview(tuple(sites), unit, caption, several)}


def _sentence(settings: AttributeSettings, facts: Mapping[str, Any], changes: list[float], unit: str) -> str:
    """The result in one sentence, from numbers only."""
    each = "queries" if settings.average == "macro" else "pairs"
    wanted = "relevant" if settings.sample.relevance == "relevant" else "non-relevant"
    change = f"mean change of the {unit} {np.mean(changes):.3g}; ".replace("-", "−") if changes else ""
    return (
        f"Over {facts['n']:,} {wanted} {each} of {settings.sample.name}: {change}1 % of neurons carry "
        f"{100 * facts['top_share']:.0f} % of the positive attribution; strongest layer {facts['strongest_layer']}."
    )
