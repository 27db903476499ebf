"""Every unit of one layer: sorted, filtered, a page at a time."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.bounds import Filter, Offset, Word, whole
from app.domain.errors import BadInput
from app.domain.runs import Run
from app.domain.sites import NeuronIndex, Site, SiteKind, noun_of
from app.figures import layers
from app.figures.base import Figure
from app.store.results import Results

UNITS = 100
TERM = re.compile(r"(abs|)(>=|<=|>|<)([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)", re.IGNORECASE)
BY_SIGN: dict[str, Callable[[NDArray[np.float64], float], NDArray[np.bool_]]] = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
}


@dataclass(frozen=True)
class LayerLook:
    """What of a layer is looked at: a place, a part of the input, an order, a filter, a first row, a unit to be found.

    Where no order is asked for, it is ``bottom`` if the unit to be found has a negative score, otherwise ``signed``.
    """

    kind: Word = ""
    part: Word = "all"
    sort: Word = ""
    q: Filter = ""
    offset: Offset = 0
    unit: Word = ""


@dataclass(frozen=True)
class LayerView:
    """Units of one site. ``rows``: id, score, standard error, share of positive examples.

    ``found`` of ``total`` units pass the filter ``q``; ``refused`` says what is wrong with it, and then all pass.
    ``noun`` is what a unit is called. ``sought`` is the id of the unit to be found, ``missed`` why it is not shown.
    """

    run: Run
    layer: int
    kind: str
    kinds: tuple[str, ...]
    layers: tuple[int, ...]
    part: str
    parts: tuple[str, ...]
    sort: str
    q: str
    refused: str
    offset: int
    size: int
    found: int
    total: int
    unit: str
    rows: tuple[tuple[str, float, float, float], ...]
    figure: Figure
    noun: str
    sought: str
    missed: str


def kept(text: str, scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """[U] which units a filter keeps: ``>0.01``, ``<-0.1``, ``abs>=0.05``, and unit numbers or ids.

    Terms stand beside each other; every comparison must hold, and one of the units must be meant where units are named.

    Raises:
        BadInput: a term that is none of these.
    """
    passing, named = np.ones(len(scores), dtype=bool), []
    for term in re.sub(r"([<>]=?)\s+", r"\1", text).replace(",", " ").split():
        compared = TERM.fullmatch(term)
        if compared:
            magnitude, sign, value = compared.groups()
            passing &= BY_SIGN[sign](np.abs(scores) if magnitude else scores, float(value))
        elif re.fullmatch(r"(?:L\d+\.\w+\.)?\d+", term):
            named.append(whole("q", term.rpartition(".")[2]))
        else:
            way = "Put spaces between several."
            raise BadInput(">0.01, <-0.1, abs>0.05 or the number of a unit", f"'{term[:40]}'", way, "q")
    return passing & np.isin(np.arange(len(scores)), named) if named else passing


def layer_view(run: Run, results: Results, layer: int, look: LayerLook) -> LayerView:
    """The view of a layer.

    Raises:
        NotFound: the run does not score it.
    """
    places = [(row["kind"], row["layer"]) for row in results.profile(run.id)]
    kinds = tuple(dict.fromkeys(name for name, _ in places))
    kind = _place(look, kinds)
    site = Site(layer, SiteKind(kind))
    parts = tuple(run.plan.get("parts", ("all",)))
    part = look.part if look.part in parts else "all"
    values = results.layer(run.id, site, "mean", part)
    se, sign = (results.layer(run.id, site, name, "all") for name in ("se", "positive"))
    refused, mask = "", np.ones(len(values), dtype=bool)
    try:
        mask = kept(look.q, values)
    except BadInput as error:
        refused = f"Expected {error.expected}. Found {error.found}. {error.remedy}"
    sought, missed = _sought(look.unit, site, len(values))
    sort = look.sort or ("bottom" if sought is not None and values[sought] < 0 else "signed")
    keys = {"index": np.arange(len(values)), "abs": -np.abs(values), "bottom": values}
    order = np.argsort(keys.get(sort, -values), kind="stable")
    offset = look.offset
    shown = order[mask[order]][offset : offset + UNITS]
    if sought is not None and sought not in shown:
        missed = f"{look.unit} is not among the rows below; sort or filter them differently."
    unit = run.plan.get("target", {}).get("unit", "")
    return LayerView(
        run=run,
        layer=layer,
        kind=kind,
        kinds=kinds,
        layers=tuple(dict.fromkeys(at for _, at in places)),
        part=part,
        parts=parts,
        sort=sort,
        q=look.q,
        refused=refused,
        offset=offset,
        size=UNITS,
        found=int(mask.sum()),
        total=len(values),
        unit=unit,
        rows=tuple((f"L{layer}.{kind}.{u}", float(values[u]), float(se[u]), float(sign[u])) for u in shown),
        figure=layers.layer_units(values, site, unit, f"run {run.id} · {run.spec.model} · {part}", sought),
        noun=noun_of([site.kind]),
        sought="" if sought is None else f"L{layer}.{kind}.{sought}",
        missed=missed,
    )


def _place(look: LayerLook, kinds: tuple[str, ...]) -> str:
    """The place that is looked at: the named one, that of the unit to be found, the first."""
    named = (look.kind, look.unit.split(".")[1] if look.unit.count(".") == 2 else "")
    return next((kind for kind in named if kind in kinds), (kinds or ("mid",))[0])


def _sought(text: str, site: Site, width: int) -> tuple[int | None, str]:
    """Number of the unit to be found among the ``width`` units of a site, and why there is none."""
    if not text:
        return None, ""
    try:
        index = NeuronIndex.parse(text)
    except BadInput as error:
        return None, f"Expected {error.expected}. Found {error.found}. {error.remedy}"
    if index.site != site or index.unit >= width:
        return None, f"{index} is not here: this is {site.kind.value} of layer {site.layer}, units 0 to {width - 1}."
    return index.unit, ""
