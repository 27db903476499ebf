"""The report of the study of query-relevant neurons, written from stored runs: what holds, and what does not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from app.analysis.agreement import matrix
from app.analysis.uncertainty import Effect, effects
from app.demo.report import markdown_table
from app.domain.runs import Run
from app.kinds.clusters.report import ClustersReport
from app.kinds.effects.measures import OTHER, OWN, SAME, SetLine
from app.kinds.effects.report import EffectsReport
from app.services.pages import Pages

OURS = "query-relevant"
PUBLISHED = {
    "random, same blocks": "Random Neuron",
    "largest activations": "Activation",
    "knowledge neurons": "Knowledge Neuron*",
    "without discount": "QRNCA wo/ ICA",
    "with common ones": "QRNCA w/ Common Neuron",
    OURS: "QRNCA",
}
"""Our name of a set to its name in the paper's tables, in their order."""
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


def report(study: Study) -> str:
    """The whole report as Markdown."""
    parts = list(study.searches)
    found = [_found(study, part) for part in parts]
    return "\n".join([_head(study), _ratios(study), *found, _verdict(study)]).rstrip() + "\n"


def _head(study: Study) -> str:
    run = next(iter(study.searches.values()))
    params = run.spec.settings["params"]
    models = "; ".join(
        f"{one.spec.model} (weights `{one.spec.weights_hash[:12]}`)"
        for one in {run.spec.model: run for run in study.searches.values()}.values()
    )
    seeds = next(iter(study.effects.values())).spec.settings["seeds"]
    return f"""# Query-relevant neurons: a study

Do the neurons that QRNCA (Chen, Dejl, Toni, AAAI 2025) finds for a query move its answer more than other answers, and
more than random, active and knowledge neurons of the same number, in wordings that found none? Made by
`python -m app.demo.query_neurons --models-dir FOLDER --data-dir FOLDER`, with SmolLM2-135M-Instruct fetched by
`golgi get-model smollm2-135m`; every number below is read from a stored run, which opens from the start page.
{models}; {run.environment.get("dtype")} on {run.environment.get("device")}.

Knowledge attribution at the last token with {params["steps"]} points, {params["rule"]} rule; t = 0.2,
u = 0.3, v = 20. SmolLM2 answers letters of multiple-choice questions at chance, so its queries are facts to complete;
the demo language model is a memoriser of both (see its card). Only queries that the model answers right in at least two
of the wordings that find neurons. Measured in the wordings that found none, at the last token, beside {seeds} random
sets a query. Intervals: 95 % bootstrap over queries; p: sign flips over queries.
"""


def _ratios(study: Study) -> str:
    """Tables 4 and 6 of the paper in its layout."""
    columns = [(part, factor) for part in study.effects for factor in (BOOST, SUPPRESS)]
    head = ["method"]
    head += [f"{study.title(part)}, {'boost' if factor == BOOST else 'suppress'}" for part, factor in columns]
    lines = {pair: {line.name: line for line in study.effect(pair[0]).by_factor[pair[1]]} for pair in columns}
    ratio = [[title, *(_ratio(lines[pair].get(name)) for pair in columns)] for name, title in PUBLISHED.items()]
    edits = [[title, *(_edited(lines[pair].get(name)) for pair in columns)] for name, title in PUBLISHED.items()]
    return f"""## The published tables, with intervals

PCR, the change of a query's own answer over that of another domain's (Table 4 of the paper; there 4.4 and 5.6 for QRNCA
over school subjects, 41.2 and 36.0 over languages, 1.0 to 2.0 and 0.55 to 1.0 for random neurons). *unstable*: the
denominator is below 0.005.

{markdown_table(head, ratio)}
Editing success, % (Table 6: boosting makes wrong answers right, suppressing makes right ones wrong; of so many that
could).

{markdown_table(head, edits)}"""


def _ratio(line: SetLine | None) -> str:
    if line is None or line.ratio is None:
        return "–"
    found = line.ratio
    text = f"{found.ratio:.1f} ({found.low:.1f} to {found.high:.1f})"
    return f"*unstable* {text}" if found.unstable else text


def _edited(line: SetLine | None) -> str:
    if line is None or not line.flips.turnable:
        return "–"
    return f"{100 * line.flips.turned:.0f} of {line.flips.turnable}"


def _found(study: Study, part: str) -> str:
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
{_moved(effect)}
{_beside(effect)}
{_further(study, part)}"""


def _further(study: Study, part: str) -> str:
    """Doses, new questions and other locators, in the sentences of their pages."""
    said = []
    for run in study.further[part]:
        report = study.pages.run(run.id).report
        said += [f"- {text}" for text in (*report.sentences, *run.warnings) if text]
    return "Doses, new questions, other ways to find neurons:\n\n" + "\n".join(said) + "\n"


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
                _interval(line.own),
                _share(line.same),
                _share(line.other),
                "–"
                if line.against_random is None
                else f"{_interval(line.against_random)}, p {_p(line.against_random)}",
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
            "knowledge neurons, same number": changes.relative("knowledge neurons", OWN),
            "largest activations, same number": changes.relative("largest activations", OWN),
            "random, same blocks": changes.relative("random, same blocks", OWN),
        }
        for name, other in pairs.items():
            both = np.isfinite(own) & np.isfinite(other)
            if both.sum() > 1:
                found = effects((own[both] - other[both])[:, None])[0]
                rows.append((told, name, _interval(found), f"{found.p:.2g}", found.n))
    head = ("factor", "own answer under its query-relevant neurons, minus", "difference", "p", "queries")
    return "Paired, query by query:\n\n" + markdown_table(head, rows)


def _verdict(study: Study) -> str:
    """What of the published finding holds here, from the numbers."""
    lines = []
    for part in study.effects:
        for factor, told in ((SUPPRESS, "suppressing"), (BOOST, "boosting")):
            lines.append(f"- {study.title(part)}, {told}: {_held(study.effect(part), factor)}")
    return "## What holds, and what does not\n\n" + "\n".join(lines) + "\n\n" + ROUGH


def _held(effect: EffectsReport, factor: float) -> str:
    """One sentence: is the own answer moved as it should be, more than random, than others, than the other sets."""
    by_name = {line.name: line for line in effect.by_factor[factor]}
    ours, changes = by_name[OURS], effect.changes(factor)
    said = [f"own answer {_interval(ours.own)}, as expected in {100 * ours.expected:.0f} % of the queries"]
    if ours.against_random is not None:
        holds = ours.against_random.holm < 0.05
        said.append(f"{'beyond' if holds else '**not** beyond'} random neurons (p {_p(ours.against_random)})")
    for name, text in (
        ("knowledge neurons", "knowledge neurons of the same number"),
        ("largest activations", "the largest activations"),
    ):
        said.append(f"{_against(changes.relative(OURS, OWN), changes.relative(name, OWN), factor)} {text}")
    best = max(
        (line for line in by_name.values() if line.ratio is not None and not line.ratio.unstable),
        key=lambda line: line.ratio.ratio if line.ratio else 0.0,
        default=None,
    )
    if best is not None:
        said.append(f"the largest stable PCR has '{best.name}'")
    same = [share for share in (ours.same,) if share is not None]
    if same:
        said.append(f"another query of the domain changes by {_share(same[0])}, another domain by {_share(ours.other)}")
    return "; ".join(said) + "."


def _against(ours: Any, other: Any, factor: float) -> str:
    """Whether one set moves its answers further in the expected direction than another one, paired."""
    both = np.isfinite(ours) & np.isfinite(other)
    found = effects((ours[both] - other[both])[:, None])[0]
    further = found.mean < 0 if factor < 1 else found.mean > 0
    if found.p >= 0.05:
        return f"no further than (p {found.p:.2g})"
    return f"{'further than' if further else '**less** far than'} (p {found.p:.2g})"


ROUGH = """- The neurons are as much those of a relation or subject as of a query wherever "same domain" moves nearly as
  far as "own answer": the paper's unrelated control is another domain, which does not tell these apart.
- Zero is a value that the model never saw; one token is looked at; two small models, one order of queries.
"""


def _interval(effect: Effect) -> str:
    return f"{_share(effect.mean)} ({_share(effect.low)} to {_share(effect.high)})"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:+.0f} %".replace("-", "−")


def _tested(effect: Effect | None) -> str:
    return "–" if effect is None else f"{_interval(effect)}, p {_p(effect)}"


def _p(effect: Effect) -> str:
    return f"{effect.holm:.2g}"
