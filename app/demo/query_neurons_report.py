"""The report of the study of query-relevant neurons, written from stored runs: what holds, and what does not."""

from typing import Any

import numpy as np

from app.analysis.uncertainty import effects
from app.demo.query_neurons_part import BOOST, OURS, SUPPRESS, Study, found, interval, p_of, share
from app.demo.report import markdown_table
from app.kinds.effects.measures import OWN, SetLine
from app.kinds.effects.report import EffectsReport

PUBLISHED = {
    "random, same blocks": "Random Neuron",
    "largest activations": "Activation",
    "knowledge neurons": "Knowledge Neuron*",
    "without discount": "QRNCA wo/ ICA",
    "with common ones": "QRNCA w/ Common Neuron",
    OURS: "QRNCA",
}
"""Our name of a set to its name in the paper's tables, in their order."""


def report(study: Study) -> str:
    """The whole report as Markdown."""
    parts = list(study.searches)
    told = [found(study, part) for part in parts]
    return "\n".join([_head(study), _verdict(study), _ratios(study), *told]).rstrip() + "\n"


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
more than random, active and knowledge neurons, at most as many, in wordings that found none? Made by
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
Editing success (Table 6: boosting makes wrong answers right, suppressing makes right ones wrong; of so many prompts
that could; random sets count each).

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
    return f"{100 * line.flips.turned:.0f} % of {line.flips.turnable}"


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
    said = [f"own answer {interval(ours.own)}, as expected in {100 * ours.expected:.0f} % of the queries"]
    if ours.against_random is not None:
        holds = ours.against_random.holm < 0.05
        said.append(f"{'beyond' if holds else '**not** beyond'} random neurons (p {p_of(ours.against_random)})")
    for name, text in (
        ("knowledge neurons", "knowledge neurons, at most as many"),
        ("largest activations", "the largest activations"),
    ):
        said.append(f"{_against(changes.relative(OURS, OWN), changes.relative(name, OWN), factor)} {text}")
    best = max(
        (by_name[name] for name in PUBLISHED if (found := by_name[name].ratio) is not None and not found.unstable),
        key=lambda line: line.ratio.ratio if line.ratio else 0.0,
        default=None,
    )
    if best is not None:
        said.append(f"the largest stable PCR has '{best.name}'")
    same = [share for share in (ours.same,) if share is not None]
    if same:
        said.append(f"another query of the domain changes by {share(same[0])}, another domain by {share(ours.other)}")
    return "; ".join(said) + "."


def _against(ours: Any, other: Any, factor: float) -> str:
    """Whether one set moves its answers further in the expected direction than another one, paired."""
    both = np.isfinite(ours) & np.isfinite(other)
    found = effects((ours[both] - other[both])[:, None])[0]
    further = found.mean < 0 if factor < 1 else found.mean > 0
    if found.p >= 0.05:
        return f"**not** told apart (p {found.p:.2g}) from"
    return f"{'further' if further else '**less** far'} (p {found.p:.2g}) than"


ROUGH = """- The demo language model is sure of its letters (probability above 0.9), and most of what it reads at the
  last token are letters, which are common neurons: few query-relevant ones are left, and switching them off moves
  nothing. Letters are the published procedure; on this model it does not find what carries the knowledge.
- The neurons are as much those of a relation or subject as of a query wherever "same domain" moves nearly as
  far as "own answer": the paper's unrelated control is another domain, which does not tell these apart.
- Zero is a value that the model never saw; one token is looked at; two small models, one order of queries.
"""
