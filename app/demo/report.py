"""The report of the demo study, written from stored runs: what holds, and what does not."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.analysis.agreement import intersection_chance, overlap, spearman
from app.domain.runs import Run
from app.services.container import Services
from app.services.study_view import Comparison, StudyView
from app.services.words import signed

MEASURE = "nDCG@10"
Runs = Mapping[tuple[str, str], Run]


def report(
    services: Services, runs: Runs, crossed: Sequence[Run], curve: Run, sets: Mapping[str, int], share: float
) -> str:
    """The whole report as Markdown."""
    parts = [
        _head(runs, crossed, share),
        _found(runs),
        _overlaps(services, runs, share),
        _classes(services, runs, share),
        _sets(services, runs, sets, share),
        _cross(services, crossed),
        _curve(services, curve),
        _verdict(services, runs, crossed, share) + _beside(services, curve) + _own(services, sets, share) + ROUGH,
    ]
    return "\n".join(parts).rstrip() + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(map(str, row)) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def _head(runs: Runs, crossed: Sequence[Run], share: float) -> str:
    first, test = next(iter(runs.values())), crossed[0]
    asked, evaluation = first.spec.settings, test.spec.settings["evaluation"]
    return f"""# The demo study

Which neurons of the demo re-ranker matter for relevance on five datasets, do they overlap, and does ranking suffer when
they go? Made by `python -m app.demo.study --data ../shared/data --data-dir FOLDER`; every number below is read from a
stored run, which a Golgi over that folder shows page by page. Model: {first.spec.model}, weights
`{first.spec.weights_hash[:12]}`; {first.environment.get("dtype")} on {first.environment.get("device")}.

Neuron Integrated Gradients with {asked["params"]["steps"]} intervals, trapezoid rule, baseline
`{asked["params"]["baseline"]}`, feed-forward neurons (9,216), at most {asked["max_length"]} tokens; only pairs that the
model classes as they are. Queries are split by id: neurons are found on the attribution part, rankings measured on the
test part, which shares no query with it, and none of which the model was trained on. A set is the top
{100 * share:g} % ({round(share * 9216)} neurons) of a dataset's mean scores. Measured: {MEASURE} of re-ranking the BM25
top {evaluation["depth"]}, with the set's neurons at zero at all tokens, against {test.spec.settings["seeds"]} random
sets with the same number of neurons in every layer. Intervals: 95 % bootstrap over queries; p: sign-flip over queries,
Holm over the sets of one study.
"""


def _found(runs: Runs) -> str:
    rows = [
        (
            name,
            relevance.replace("_", "-"),
            run.facts["n"],
            f"{run.facts['sample']['wrong']} of {run.facts['sample']['looked_at']}",
            f"{100 * run.facts['top_share']:.0f} %",
            f"L{run.facts['strongest_layer']}",
            f"{run.seconds or 0:.0f} s",
        )
        for (name, relevance), run in runs.items()
    ]
    head = (
        "dataset",
        "class",
        "pairs",
        "left out: classed otherwise",
        "positive mass in the top 1 %",
        "strongest layer",
        "time",
    )
    return "## What was found\n\n" + _table(head, rows)


def _tops(services: Services, runs: Runs, share: float) -> dict[tuple[str, str], Any]:
    found = {}
    for key, run in runs.items():
        scores = services.pages.results.scores(run.id)
        found[key] = (scores.order()[: round(share * len(scores.space))], scores.of("all"))
    return found


def _overlaps(services: Services, runs: Runs, share: float) -> str:
    tops = _tops(services, runs, share)
    names = [name for name, relevance in runs if relevance == "relevant"]
    rows = []
    for at, a in enumerate(names):
        for b in names[at + 1 :]:
            one = overlap(tops[a, "relevant"][0], tops[b, "relevant"][0], 9216)
            rho = spearman(tops[a, "relevant"][1], tops[b, "relevant"][1])
            rows.append(
                (f"{a}, {b}", one.shared, f"{one.expected:.2f}", f"{one.jaccard:.2f}", f"{one.p:.1e}", f"{rho:.2f}")
            )
    head = ("relevance sets of", "shared", "by chance", "Jaccard", "p", "rank correlation, all neurons")
    return "## Do the datasets' sets overlap?\n\n" + _table(head, rows)


def _classes(services: Services, runs: Runs, share: float) -> str:
    tops = _tops(services, runs, share)
    rows = []
    for name in dict.fromkeys(name for name, _ in runs):
        one = overlap(tops[name, "relevant"][0], tops[name, "non_relevant"][0], 9216)
        rho = spearman(tops[name, "relevant"][1], tops[name, "non_relevant"][1])
        rows.append((name, one.shared, f"{one.expected:.2f}", f"{one.jaccard:.2f}", f"{one.p:.1e}", f"{rho:.2f}"))
    head = ("dataset", "shared by relevance and non-relevance", "by chance", "Jaccard", "p", "rank correlation")
    return "## Do relevance and non-relevance sets differ?\n\n" + _table(head, rows)


def _sets(services: Services, runs: Runs, sets: Mapping[str, int], share: float) -> str:
    count = round(share * 9216)
    names = [name for name, relevance in runs if relevance == "relevant"]
    chance = intersection_chance([count] * len(names), 9216)
    rows = []
    for name, number in sets.items():
        view = services.sets.page(number)
        layers = ", ".join(f"L{layer} {n}" for layer, n, _ in view.by_layer if n)
        rows.append((name, len(view.found.members), layers, f"`{view.found.text}`"))
    missing = [name for name in ("core", "in-domain", "out-of-domain", "in-domain only") if name not in sets]
    told = f"The intersection of {len(names)} independent sets of {count} would hold {chance:.1e} neurons. "
    told += f"Empty: {', '.join(missing)}." if missing else "None is empty."
    head = ("set", "neurons", "by layer", "rule")
    return "## Core, in-domain and out-of-domain sets\n\n" + _table(head, rows) + f"\n{told}\n"


def _view(services: Services, run: Run) -> StudyView:
    found = services.pages.run(run.id, measure=MEASURE).study
    assert found is not None
    return found


def _cross(services: Services, crossed: Sequence[Run]) -> str:
    views = [(run.spec.settings["evaluation"]["name"], _view(services, run)) for run in crossed]
    names = [one.name.split(":")[0] for one in views[0][1].comparisons]
    rows = []
    for at, name in enumerate(names):
        cells = [_cell(view.comparisons[at]) for _, view in views]
        rows.append((name, *cells))
    base = ("*intact*", *(f"{view.intact:.3f} (n = {view.n})" for _, view in views))
    first = ("*first stage*", *(f"{view.anchors['first stage']:.3f}" for _, view in views))
    chance = ("*random order*", *(f"{view.anchors['random']:.3f}" for _, view in views))
    head = ("found on ↓ removed on →", *(name for name, _ in views))
    note = (
        f"Change of {MEASURE} against the mean of the matched random sets; in brackets the p after Holm. *inside*: "
        "within the range of the random sets.\n"
    )
    return "## The cross test\n\n" + _table(head, [*rows, base, first, chance]) + f"\n{note}"


def _cell(one: Comparison) -> str:
    if one.random is None:
        return "–"
    inside = " *inside*" if one.inside else ""
    return f"{signed(one.random.mean)} ({one.random.holm:.2g}){inside}"


def _curve(services: Services, curve: Run) -> str:
    view = _view(services, curve)
    rows = [
        (
            one.name,
            one.count,
            f"{one.value:.3f}",
            f"{signed(one.intact.mean)} ({signed(one.intact.low)} to {signed(one.intact.high)})",
            f"{one.intact.wins} / {one.intact.ties} / {one.intact.losses}",
            "–" if one.random is None else f"{signed(one.random.mean)} ({one.random.holm:.2g})",
            f"{one.low:.3f} to {one.high:.3f}",
        )
        for one in view.comparisons
    ]
    figure = view.figures["curve"]
    controls = [
        row
        for row in figure.rows
        if isinstance(row[1], int) and not str(row[0]).startswith(("random, matched", "liveqa"))
    ]
    head = ("set", "neurons", MEASURE, "against intact", "wins / ties / losses", "against random (p)", "random range")
    other = _table(("control", "neurons", MEASURE), [(name, x, f"{y:.3f}") for name, x, y, *_ in controls])
    name = curve.spec.settings["evaluation"]["name"]
    sentences = "\n".join(f"- {sentence}" for sentence in view.sentences)
    return f"## The curve on {name}\n\n{sentences}\n\n" + _table(head, rows) + "\nOther controls:\n\n" + other


def _verdict(services: Services, runs: Runs, crossed: Sequence[Run], share: float) -> str:
    cells = [one for run in crossed for one in _view(services, run).comparisons if one.random is not None]
    effects = [one.random.mean for one in cells if one.random is not None]
    sure = [one for one in cells if one.random is not None and one.random.holm < 0.05 and one.random.mean < 0]
    tops = _tops(services, runs, share)
    names = [name for name, relevance in runs if relevance == "relevant"]
    same = [overlap(tops[n, "relevant"][0], tops[n, "non_relevant"][0], 9216) for n in names]
    return f"""## What holds, and what does not

- NIG sets against matched random sets, {len(cells)} cells: mean difference {signed(float(np.mean(effects)))}, below the
  random mean in {sum(effect < 0 for effect in effects)} of {len(cells)}, outside the random range in
  {sum(not one.inside for one in cells)}, below it with a corrected p under 0.05 in {len(sure)}.
- Relevance and non-relevance sets of one dataset share {min(one.shared for one in same)} to
  {max(one.shared for one in same)} of {same[0].size_a} neurons ({same[0].expected:.1f} by chance).
"""


ROUGH = """- One small model, few test queries, one split, one baseline: the intervals say how rough this is. Zeroing is
  an extreme intervention, and attribution follows one path.
"""


def _beside(services: Services, curve: Run) -> str:
    """The attribution beside its cheapest rival on the curve's dataset."""
    view = _view(services, curve)
    first = view.comparisons[0].name
    own = {one.count: one.value for one in view.comparisons if one.name == first}
    rival = {row[1]: row[2] for row in view.figures["curve"].rows if row[0] == "gradient × activation"}
    told = ", ".join(f"{own[count]:.3f} and {rival[count]:.3f} at {count}" for count in own if count in rival)
    name = curve.spec.settings["evaluation"]["name"]
    return f"""- Against a ranking by gradient × activation, which takes one pass instead of a path, on {name}:
  {MEASURE} {told} neurons ({first.split(",", maxsplit=1)[0]}; the lower, the more it hurt).
"""


def _own(services: Services, sets: Mapping[str, int], share: float) -> str:
    """Whether domains have neurons of their own."""
    size = lambda name: len(services.sets.get(sets[name]).members) if name in sets else 0  # noqa: E731
    outside = 9216 * share**2 * (1 - share) ** 3
    inside = 9216 * share**3 * (1 - share) ** 2
    outweighs = size("core") > 5 * max(size("out-of-domain"), size("in-domain only"))
    told = "What the datasets share outweighs by far what is their own." if outweighs else ""
    return f"""- Out-of-domain neurons (in both out-of-domain sets, in none of the in-domain ones):
  {size("out-of-domain")}, by chance {outside:.1f}. In-domain only: {size("in-domain only")}, by chance {inside:.3f}.
  In all five: {size("core")}. {told}
"""
