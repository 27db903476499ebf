"""The report of the demo study, written from stored runs: what holds, and what does not."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from app.analysis.agreement import intersection_chance, overlap, spearman
from app.demo.corpora import IN_DOMAIN
from app.domain.counting import counted
from app.domain.runs import Run
from app.figures.studies import MATCHED
from app.kinds.answers import Comparison
from app.kinds.reporting import Report
from app.kinds.words import signed
from app.services.container import Services

MEASURE = "nDCG@10"
Runs = Mapping[tuple[str, str], Run]


def report(
    services: Services, runs: Runs, crossed: Sequence[Run], curve: Run, sets: Mapping[str, int], share: float
) -> str:
    """The whole report as Markdown."""
    parts = [
        _head(runs, crossed, share),
        _attributions(runs),
        _overlaps(services, runs, share),
        _classes(services, runs, share),
        _sets(services, runs, sets, share),
        _cross(services, crossed),
        _curve(services, curve),
        _verdict(services, runs, crossed, share)
        + _rival(services, curve)
        + _domain_neurons(services, runs, sets, share)
        + ROUGH,
    ]
    return "\n".join(parts).rstrip() + "\n"


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A table with a heading, in Markdown."""
    lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(map(str, row)) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines) + "\n"


def _head(runs: Runs, crossed: Sequence[Run], share: float) -> str:
    run, test = next(iter(runs.values())), crossed[0]
    params, tokens = run.spec.settings["params"], run.spec.settings["max_length"]
    evaluation, total = test.spec.settings["evaluation"], _total(runs)
    datasets, neurons = counted(len(_names(runs)), "dataset"), counted(round(share * total), "neuron")
    return f"""# The demo study

Which neurons of the demo re-ranker matter for relevance on {datasets}, do they overlap, and does ranking suffer when
they go? Made by `python -m app.demo.study --data ../shared/data --data-dir FOLDER`; every number below is read from a
stored run, which a Golgi over that folder shows page by page. Model: {run.spec.model}, weights
`{run.spec.weights_hash[:12]}`; {run.environment.get("dtype")} on {run.environment.get("device")}.

Neuron Integrated Gradients with {params["steps"]} intervals, trapezoid rule, baseline
`{params["baseline"]}`, feed-forward neurons ({total:,}), at most {tokens} tokens; only pairs that the
model classes as they are. Queries are split by id: neurons are found on the attribution part, rankings measured on the
test part, which shares no query with it, and none of which the model was trained on. A set is the top
{100 * share:g} % ({neurons}) of a dataset's mean scores. Measured: {MEASURE} of re-ranking the BM25
top {evaluation["depth"]}, with the set's neurons at zero at all tokens, against {test.spec.settings["seeds"]} random
sets with the same number of neurons in every layer. Intervals: 95 % bootstrap over queries; p: sign-flip over queries,
Holm over the sets of one study.
"""


def _total(runs: Runs) -> int:
    """Neurons of the space that every run ranks."""
    return int(next(iter(runs.values())).facts["neurons"])


def _names(runs: Runs) -> list[str]:
    """Datasets whose relevant pairs were explained."""
    return [name for name, relevance in runs if relevance == "relevant"]


def _attributions(runs: Runs) -> str:
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
    return "## What was found\n\n" + markdown_table(head, rows)


def _tops(services: Services, runs: Runs, share: float) -> dict[tuple[str, str], Any]:
    tops = {}
    for key, run in runs.items():
        scores = services.pages.results.scores(run.id)
        tops[key] = (scores.order()[: round(share * len(scores.space))], scores.of("all"))
    return tops


def _overlaps(services: Services, runs: Runs, share: float) -> str:
    tops, names = _tops(services, runs, share), _names(runs)
    rows = []
    for at, first in enumerate(names):
        for second in names[at + 1 :]:
            both = overlap(tops[first, "relevant"][0], tops[second, "relevant"][0], _total(runs))
            rho = spearman(tops[first, "relevant"][1], tops[second, "relevant"][1])
            rows.append(
                (
                    f"{first}, {second}",
                    both.shared,
                    f"{both.expected:.2f}",
                    f"{both.jaccard:.2f}",
                    f"{both.p:.1e}",
                    f"{rho:.2f}",
                )
            )
    head = ("relevance sets of", "shared", "by chance", "Jaccard", "p", "rank correlation, all neurons")
    return "## Do the datasets' sets overlap?\n\n" + markdown_table(head, rows)


def _classes(services: Services, runs: Runs, share: float) -> str:
    tops = _tops(services, runs, share)
    rows = []
    for name in dict.fromkeys(name for name, _ in runs):
        both = overlap(tops[name, "relevant"][0], tops[name, "non_relevant"][0], _total(runs))
        rho = spearman(tops[name, "relevant"][1], tops[name, "non_relevant"][1])
        rows.append((name, both.shared, f"{both.expected:.2f}", f"{both.jaccard:.2f}", f"{both.p:.1e}", f"{rho:.2f}"))
    head = ("dataset", "shared by relevance and non-relevance", "by chance", "Jaccard", "p", "rank correlation")
    return "## Do relevance and non-relevance sets differ?\n\n" + markdown_table(head, rows)


def _sets(services: Services, runs: Runs, sets: Mapping[str, int], share: float) -> str:
    total, names = _total(runs), _names(runs)
    count = round(share * total)
    expected = intersection_chance([count] * len(names), total)
    rows = []
    for name, number in sets.items():
        view = services.sets.page(number)
        layers = ", ".join(f"L{layer} {n}" for layer, n, _ in view.by_layer if n)
        rows.append((name, len(view.found.members), layers, f"`{view.found.text}`"))
    missing = [name for name in ("core", "in-domain", "out-of-domain", "in-domain only") if name not in sets]
    summary = f"The intersection of {len(names)} independent sets of {count} would hold {expected:.1e} neurons. "
    summary += f"Empty: {', '.join(missing)}." if missing else "Every set has members."
    head = ("set", "neurons", "by layer", "rule")
    return "## Core, in-domain and out-of-domain sets\n\n" + markdown_table(head, rows) + f"\n{summary}\n"


def _view(services: Services, run: Run) -> Report[Any, Any]:
    return services.pages.report(run.id, {"measure": MEASURE})


def _cross(services: Services, crossed: Sequence[Run]) -> str:
    views = [(run.spec.settings["evaluation"]["name"], _view(services, run)) for run in crossed]
    names = [comparison.name.split(":")[0] for comparison in views[0][1].comparisons]
    rows = []
    for at, name in enumerate(names):
        cells = [_cell(view.comparisons[at]) for _, view in views]
        rows.append((name, *cells))
    base = ("*intact*", *(f"{view.view.intact:.3f} (n = {view.view.n})" for _, view in views))
    first = ("*first stage*", *(f"{view.view.anchors['first stage']:.3f}" for _, view in views))
    chance = ("*random order*", *(f"{view.view.anchors['random']:.3f}" for _, view in views))
    head = ("found on ↓ removed on →", *(name for name, _ in views))
    note = (
        f"Change of {MEASURE} against the mean of the matched random sets; in brackets the p after Holm. *inside*: "
        "within the range of the random sets.\n"
    )
    return "## The cross test\n\n" + markdown_table(head, [*rows, base, first, chance]) + f"\n{note}"


def _cell(comparison: Comparison) -> str:
    if comparison.random is None:
        return "–"
    inside = " *inside*" if comparison.inside else ""
    return f"{signed(comparison.random.mean)} ({comparison.random.holm:.2g}){inside}"


def _curve(services: Services, curve: Run) -> str:
    view = _view(services, curve)
    rows = [
        (
            comparison.name,
            comparison.count,
            f"{comparison.value:.3f}",
            f"{signed(comparison.intact.mean)} ({signed(comparison.intact.low)} to {signed(comparison.intact.high)})",
            f"{comparison.intact.wins} / {comparison.intact.ties} / {comparison.intact.losses}",
            "–" if comparison.random is None else f"{signed(comparison.random.mean)} ({comparison.random.holm:.2g})",
            f"{comparison.low:.3f} to {comparison.high:.3f}",
        )
        for comparison in view.comparisons
    ]
    controls = _controls(view)
    head = ("set", "neurons", MEASURE, "against intact", "wins / ties / losses", "against random (p)", "random range")
    other = markdown_table(("control", "neurons", MEASURE), [(name, x, f"{y:.3f}") for name, x, y, *_ in controls])
    name = curve.spec.settings["evaluation"]["name"]
    sentences = "\n".join(f"- {sentence}" for sentence in view.sentences)
    return f"## The curve on {name}\n\n{sentences}\n\n" + markdown_table(head, rows) + "\nOther controls:\n\n" + other


def _controls(view: Report[Any, Any]) -> list[tuple[Any, ...]]:
    """Rows of the curve's table that are neither a tested set nor its matched random sets: name, neurons, value."""
    tested = {comparison.name for comparison in view.comparisons}
    beside = tested | {f"{MATCHED}{name}" for name in tested}
    return [row for row in view.figures["curve"].rows if isinstance(row[1], int) and row[0] not in beside]


def _verdict(services: Services, runs: Runs, crossed: Sequence[Run], share: float) -> str:
    cells = [cell for run in crossed for cell in _view(services, run).comparisons if cell.random is not None]
    effects = [cell.random for cell in cells if cell.random is not None]
    mean = float(np.mean([effect.mean for effect in effects]))
    significant = [effect for effect in effects if effect.holm < 0.05 and effect.mean < 0]
    outside = sum(not cell.inside for cell in cells)
    tops = _tops(services, runs, share)
    total, names = _total(runs), _names(runs)
    overlaps = [overlap(tops[n, "relevant"][0], tops[n, "non_relevant"][0], total) for n in names]
    shared = [both.shared for both in overlaps]
    return f"""## What holds, and what does not

- NIG sets against matched random sets, {len(cells)} cells: mean difference {signed(mean)}, below the
  random mean in {sum(effect.mean < 0 for effect in effects)} of {len(cells)}, outside the random range in
  {outside}, below it with a corrected p under 0.05 in {len(significant)}.
- Relevance and non-relevance sets of one dataset share {min(shared)} to
  {max(shared)} of {overlaps[0].size_a} neurons ({overlaps[0].expected:.1f} by chance).
"""


ROUGH = """- One small model, few test queries, one split, one baseline: the intervals say how rough this is. Zeroing is
  an extreme intervention, and attribution follows one path.
"""


def _rival(services: Services, curve: Run) -> str:
    """The attribution beside its cheapest rival on the curve's dataset."""
    view = _view(services, curve)
    name = view.comparisons[0].name
    attributed = {comparison.count: comparison.value for comparison in view.comparisons if comparison.name == name}
    rival = {row[1]: row[2] for row in view.figures["curve"].rows if row[0] == "gradient × activation"}
    values = ", ".join(
        f"{attributed[count]:.3f} and {rival[count]:.3f} at {count}" for count in attributed if count in rival
    )
    dataset = curve.spec.settings["evaluation"]["name"]
    return f"""- Against a ranking by gradient × activation, which takes one pass instead of a path, on {dataset}:
  {MEASURE} {values} neurons ({name.split(",", maxsplit=1)[0]}; the lower, the more it hurt).
"""


def _size(services: Services, sets: Mapping[str, int], name: str) -> int:
    """Members of a set; 0 for one that was left out because it is empty."""
    return len(services.sets.get(sets[name]).members) if name in sets else 0


def _domain_neurons(services: Services, runs: Runs, sets: Mapping[str, int], share: float) -> str:
    """Whether domains have neurons of their own."""
    core, foreign, domestic = (_size(services, sets, name) for name in ("core", "out-of-domain", "in-domain only"))
    total, own = _total(runs), sum(name in IN_DOMAIN for name in _names(runs))
    rest = len(_names(runs)) - own
    outside = total * share**rest * (1 - share) ** own
    inside = total * share**own * (1 - share) ** rest
    outweighs = core > 5 * max(foreign, domestic)
    conclusion = "What the datasets share outweighs by far what is their own." if outweighs else ""
    return f"""- Out-of-domain neurons (in every out-of-domain set, in none of the in-domain ones):
  {foreign}, by chance {outside:.1f}. In-domain only: {domestic}, by chance {inside:.3f}.
  In the sets of all datasets: {core}. {conclusion}
"""
