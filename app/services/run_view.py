"""Everything the page of an explanation shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from app.domain.examples import CONTENT_SEGMENTS
from app.domain.explaining import BRANCHES, ExplainSettings
from app.domain.results import ItemRow, TopNeuron
from app.domain.runs import Job, Run, RunState
from app.domain.sites import NeuronIndex, SiteKind
from app.figures import curves, layers
from app.figures.base import Figure
from app.services.words import Word, words_of
from app.store.results import Results

FIRST_NEURONS = 25


@dataclass(frozen=True)
class ItemView:
    """One passage (or prompt): its numbers, its tokens by part, and what was cut. ``rank`` counts from 1 by score."""

    number: int
    text: str
    rank: int
    values: Mapping[str, float]
    words: Mapping[str, tuple[Word, ...]]
    pieces: Mapping[str, tuple[Word, ...]]
    shares: Mapping[str, float]
    seen: Mapping[str, int]
    warnings: tuple[str, ...]
    steps: int


@dataclass(frozen=True)
class NeuronLine:
    """A row of the neuron table. ``sign`` is the share of examples with a positive score."""

    id: str
    layer: int
    rank: int
    score: float
    se: float
    sign: float
    parts: Mapping[str, float]


@dataclass(frozen=True)
class Completeness:
    """Sum of scores minus ΔF at a place that every path crosses, the largest over the run's examples."""

    site: str
    remainder: float
    share: float
    above: bool


@dataclass(frozen=True)
class ExplainView:
    """The result of an explanation; empty tuples and None while nothing is there yet."""

    settings: ExplainSettings
    unit: str
    target: str
    sentence: str
    items: tuple[ItemView, ...]
    parts: tuple[str, ...]
    part: str
    top: tuple[NeuronLine, ...]
    bottom: tuple[NeuronLine, ...]
    completeness: tuple[Completeness, ...]
    figures: Mapping[str, Figure]
    warnings: tuple[str, ...]
    facts: Mapping[str, Any]
    total: int
    layers: tuple[int, ...]

    @property
    def segments(self) -> tuple[str, ...]:
        """Parts of the input's tokens."""
        return tuple(part for part in self.parts[1:] if part not in BRANCHES)


def explain_view(run: Run, results: Results, part: str = "all") -> ExplainView:
    """The view of an explanation, as far as it has come."""
    settings = ExplainSettings.model_validate(run.spec.settings)
    target = run.plan.get("target", {})
    unit = target.get("unit", "")
    rows = results.items(run.id)
    items = _items(settings, rows)
    parts = tuple(run.plan.get("parts", ("all",)))
    part = part if part in parts else "all"
    ready = run.state in (RunState.DONE, RunState.PARTIAL) and bool(run.facts.get("n"))
    profile = results.profile(run.id, part) if ready else ()
    figures = _figures(run, results, rows, unit, part) if ready else {}
    return ExplainView(
        settings=settings,
        unit=unit,
        target=target.get("sentence", ""),
        sentence=_sentence(run, rows, unit) if ready else "",
        items=items,
        parts=parts,
        part=part,
        top=lines_of(run, results, "top") if ready else (),
        bottom=lines_of(run, results, "bottom") if ready else (),
        completeness=_completeness(rows, settings),
        figures=figures,
        warnings=tuple(dict.fromkeys([*run.warnings, *(w for row in rows[:1] for w in row.notes.get("warnings", ()))])),
        facts=run.facts,
        total=int(run.facts.get("neurons", 0)),
        layers=tuple(dict.fromkeys(int(row["layer"]) for row in profile)),
    )


def _items(settings: ExplainSettings, rows: Sequence[ItemRow]) -> tuple[ItemView, ...]:
    order = sorted(rows, key=lambda row: (-row.values["score"], row.item))
    ranks = {row.item: rank for rank, row in enumerate(order, start=1)}
    texts = settings.passages or (settings.query,)
    return tuple(
        ItemView(
            number=row.item,
            text=texts[row.item],
            rank=ranks[row.item],
            values=row.values,
            words=words_of(row.tokens, settings.query, texts[row.item], whole=True),
            pieces=words_of(row.tokens, settings.query, texts[row.item], whole=False),
            shares=_shares(row.tokens),
            seen=row.notes.get("seen", {}),
            warnings=tuple(row.notes.get("warnings", ())),
            steps=int(row.notes.get("steps", 0)),
        )
        for row in order
    )


def _shares(tokens: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Share of the magnitude of token relevance by part; special parts together."""
    total = sum(abs(token["score"]) for token in tokens) or 1.0
    found: dict[str, float] = {}
    for token in tokens:
        name = token["segment"] if token["segment"] in CONTENT_SEGMENTS else "special"
        found[name] = found.get(name, 0.0) + abs(token["score"]) / total
    return found


def lines_of(run: Run, results: Results, side: str, offset: int = 0) -> tuple[NeuronLine, ...]:
    """The first rows of a neuron table; ``side`` is ``top`` or ``bottom``."""
    found = results.top(run.id, side, offset, FIRST_NEURONS)
    parts = tuple(name for name in run.plan.get("parts", ()) if name in CONTENT_SEGMENTS)
    cache: dict[tuple[Any, str, str], Any] = {}

    def value(neuron: TopNeuron, name: str, part: str) -> float:
        site = NeuronIndex(neuron.layer, SiteKind(neuron.kind), neuron.unit).site
        key = (site, name, part)
        if key not in cache:
            cache[key] = results.layer(run.id, site, name, part)
        return float(cache[key][neuron.unit])

    return tuple(
        NeuronLine(
            id=f"L{n.layer}.{n.kind}.{n.unit}",
            layer=n.layer,
            rank=n.rank,
            score=n.score,
            se=value(n, "se", "all"),
            sign=value(n, "positive", "all"),
            parts={part: value(n, "mean", part) for part in parts},
        )
        for n in found
    )


def _completeness(rows: Sequence[ItemRow], settings: ExplainSettings) -> tuple[Completeness, ...]:
    tolerance = float(settings.params.get("tolerance", 0.01))
    found: dict[str, Completeness] = {}
    for row in rows:
        change = abs(row.values["target"] - row.values["baseline"])
        for site, miss in row.notes.get("residual", {}).items():
            share = abs(miss) / change if change > 1e-9 else 0.0
            if site not in found or abs(miss) > abs(found[site].remainder):
                found[site] = Completeness(site, miss, share, share > tolerance)
    return tuple(found.values())


def _figures(run: Run, results: Results, rows: Sequence[ItemRow], unit: str, part: str) -> dict[str, Figure]:
    caption = f"run {run.id} · {run.spec.model} · n = {run.facts['n']} · {part}"
    sites = results.overview(run.id, part)
    several = len({site.kind for site, _, _ in sites}) > 1
    values = np.concatenate([results.layer(run.id, site, "mean", part) for site, _, _ in sites])
    found = {
        "overview": layers.overview(sites, unit, caption, several),
        "profile": layers.profile(results.profile(run.id, part), unit, caption, several),
        "distribution": layers.distribution(values, unit, caption),
    }
    if rows:
        found["path"] = curves.path(rows[0].notes["path"], unit, f"run {run.id} · input {rows[0].item + 1}")
    return found


def _sentence(run: Run, rows: Sequence[ItemRow], unit: str) -> str:
    """The result in one sentence, from numbers only."""
    facts = run.facts
    lead = (
        f"{unit.capitalize()} {rows[0].values['target']:.3g}.".replace("-", "−")
        if len(rows) == 1
        else f"{len(rows)} passages."
    )
    worst = max((row.values["remainder"] for row in rows), default=0.0)
    return (
        f"{lead} 1 % of neurons carry {100 * facts['top_share']:.0f} % of the positive attribution; strongest layer "
        f"{facts['strongest_layer']}; unexplained remainder {100 * worst:.2g} %."
    )


def job_open(job: Job | None) -> bool:
    """Whether a job still moves."""
    return job is not None and job.state.value in ("waiting", "running", "stopping")
