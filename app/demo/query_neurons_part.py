"""What the study of query-relevant neurons tells of one model on one question set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from app.analysis.agreement import matrix
from app.analysis.uncertainty import Effect, effects
from app.demo.report import markdown_table
from app.domain.runs import Run
from app.kinds.clusters.report import ClustersReport
from app.kinds.effects.measures import OTHER, OWN, SAME
from app.kinds.effects.report import EffectsReport
from app.kinds.words import signed_share
from app.services.pages import Pages

OURS = "query-relevant"
BOOST, SUPPRESS = 2.0, 0.0


@dataclass(frozen=True)
class Study:
    """What is stored: part to its search, to the test of its neurons, and to what followed."""

    pages: Pages
    searches: Mapping[str, Run]
    effects: Mapping[str, Run]
    further: Mapping[str, tuple[Run, ...]]

    def search(self, part: str) -> ClustersReport:
        """What a search found."""
        return cast(ClustersReport, self.pages.run(self.searches[part].id).report)

    def effect(self, part: str) -> EffectsReport:
        """What its neurons do."""
        return cast(EffectsReport, self.pages.run(self.effects[part].id).report)

    def title(self, part: str) -> str:
        """Model and question set."""
        run = self.searches[part]
        return f"{run.spec.model}, {run.spec.settings['sample']['name']}"


def found(study: Study, part: str) -> str:
    """One part: what was found, where it lies, what it moves."""
    search, effect = study.search(part), study.effect(part)
    sentences = "\n".join(f"- {text}" for text in (*search.sentences, *effect.sentences))
    warned = "\n".join(f"- {text}" for text in (*search.warnings, *effect.run.warnings))
    domains = [
        (
            line.name,
            line.queries,
            f"{line.probability:.2f}",
            f"{line.each:.1f}",
            line.united,
            f"L{line.layer}",
            f"{line.within:.2f}",
        )
        for line in search.view.domains
    ]
    head = ("domain", "queries", "probability", "neurons a query", "united", "most in block", "Jaccard within")
    return f"""## {study.title(part)}

{sentences}

{warned}

{markdown_table(head, domains)}
{_depth(search)}

{_overlaps(search)}
{_steady(search, [study.pages.run(run.id).report for run in study.further[part]])}
{_moved(effect)}
{_beside(effect)}
{_further(study, part)}"""


def _further(study: Study, part: str) -> str:
    """Doses, new questions and other locators, in the sentences of their pages."""
    said = []
    for run in study.further[part]:
        report = study.pages.run(run.id).report
        told = set(study.effect(part).sentences)
        said += [f"- {text}" for text in (*report.sentences, *run.warnings) if text and text not in told]
    if not said:
        return ""
    return "Doses, new questions, other ways to find neurons, other numbers of points:\n\n" + "\n".join(said) + "\n"


def _steady(search: ClustersReport, more: Sequence[Any]) -> str:
    """How far sets agree with those of fewer wordings and of other numbers of points."""
    reports = [search, *(report for report in more if isinstance(report, ClustersReport))]
    rows = [
        (
            f"{line.compared} (run {report.run.id})",
            line.queries,
            f"{line.mean:.2f}",
            f"{line.low:.2f} to {line.high:.2f}",
        )
        for report in reports
        for line in report.view.stability
        if line.queries
    ]
    head = ("sets made otherwise", "queries", "mean Jaccard", "quartiles")
    return "How steady the sets are:\n\n" + markdown_table(head, rows)


def _depth(search: ClustersReport) -> str:
    """Where query-relevant and common neurons lie, by quarter of the depth."""
    layers = search.sets.space.layers
    members = np.concatenate([found.neurons for found in search.sets.relevant.values()])
    common = np.array(sorted(search.sets.pool.common), dtype=np.int64)
    quarters = np.array_split(np.asarray(layers), min(4, len(layers)))
    rows = []
    for name, neurons in (("query-relevant", members), ("common", common)):
        by_layer = search.sets.layers(neurons)
        total = max(1, sum(by_layer.values()))
        shares = [100 * sum(by_layer[int(layer)] for layer in quarter) / total for quarter in quarters]
        rows.append((f"{name} ({total if len(neurons) else 0})", *(f"{share:.0f} %" for share in shares)))
    head = ("neurons", *(f"blocks {quarter[0]} to {quarter[-1]}" for quarter in quarters))
    return "Where they lie:\n\n" + markdown_table(head, rows)


def _overlaps(search: ClustersReport) -> str:
    shared = matrix(search.sets.by_domain, len(search.sets.space))
    names = list(search.sets.by_domain)
    rows = []
    for a in names:
        rows.append(
            [a, *("–" if a == b else f"{(shared.get((a, b)) or shared[b, a]).jaccard:.2f}" for b in names)],
        )
    chance = np.mean([found.chance_jaccard for found in shared.values()])
    return f"Overlap of the domains' united sets (Jaccard; by chance {chance:.3f}):\n\n" + markdown_table(
        ["", *names], rows
    )


def _moved(effect: EffectsReport) -> str:
    """Every set under both factors."""
    tables = []
    for factor in (SUPPRESS, BOOST):
        rows = [
            (
                line.name,
                interval(line.own),
                share(line.same),
                share(line.other),
                "–"
                if line.against_random is None
                else f"{interval(line.against_random)}, p {p_of(line.against_random)}",
                f"{100 * line.expected:.0f} %",
            )
            for line in effect.by_factor[factor]
        ]
        head = ("set", "own answer", "same domain", "other domain", "own beyond random", "as expected in")
        told = "switched off" if factor == SUPPRESS else "doubled"
        tables.append(f"Relative change of the right token's probability, {told}:\n\n{markdown_table(head, rows)}")
    return "\n".join(tables)


def _beside(effect: EffectsReport) -> str:
    """The query-relevant set paired, query by query, with what it should beat."""
    rows = []
    for factor, told in ((SUPPRESS, "switched off"), (BOOST, "doubled")):
        changes = effect.changes(factor)
        own = changes.relative(OURS, OWN)
        pairs = {
            "its neurons on another query of the domain": changes.relative(OURS, SAME),
            "its neurons on another domain": changes.relative(OURS, OTHER),
            "knowledge neurons, at most as many": changes.relative("knowledge neurons", OWN),
            "largest activations, same number": changes.relative("largest activations", OWN),
            "random, same blocks": changes.relative("random, same blocks", OWN),
        }
        for name, other in pairs.items():
            both = np.isfinite(own) & np.isfinite(other)
            if both.sum() > 1:
                found = effects((own[both] - other[both])[:, None])[0]
                rows.append((told, name, interval(found), f"{found.p:.2g}", found.n))
    head = ("factor", "own answer under its query-relevant neurons, minus", "difference", "p", "queries")
    return "Paired, query by query:\n\n" + markdown_table(head, rows)


def interval(effect: Effect) -> str:
    """A mean with its interval, in per cent."""
    return f"{share(effect.mean)} ({share(effect.low)} to {share(effect.high)})"


def share(value: float | None) -> str:
    """A signed share in per cent; a dash where there is none."""
    return "–" if value is None else signed_share(value)


def _tested(effect: Effect | None) -> str:
    return "–" if effect is None else f"{interval(effect)}, p {p_of(effect)}"


def p_of(effect: Effect) -> str:
    """Its p after Holm."""
    return f"{effect.holm:.2g}"
