"""The form of a neuron set: the same selection of every chosen run, combined."""

from collections.abc import Sequence
from typing import Any

from app.domain.bounds import whole
from app.domain.errors import BadInput
from app.forms.read import Given, size_of


def set_rule(given: Given, runs: Sequence[str]) -> dict[str, Any]:
    """The rule of a form, see :mod:`app.domain.set_rules`.

    Args:
        given: name to texts: ``size``, ``rank``, ``part``, ``combine``, ``k``, and ``inside``, those of ``run``
            that are in-domain.
        runs: fingerprints of the chosen runs, in the order of ``run``.

    Raises:
        BadInput: no run, or a size that is none.
    """
    if not runs:
        raise BadInput("at least one run", "none", "Tick runs to take neurons from, or paste ids.", "run")
    size = size_of(_last(given, "size") or "1%")
    how = _last(given, "combine") or "all"
    if how.startswith("fuse_"):
        fraction = size.get("fraction", 0.01)
        return {"op": "fused", "how": how.removeprefix("fuse_"), "runs": list(runs), "fraction": fraction}
    selection = {"rank": _last(given, "rank") or "top", "part": _last(given, "part") or "all", **size}
    tops: list[dict[str, Any]] = [{"op": "top", "run": run, "selection": selection} for run in runs]
    if len(tops) == 1:
        return tops[0]
    if how == "out_minus_in":
        return _outside_only(given, tops)
    rule: dict[str, Any] = {"op": how, "of": tops}
    if how == "at_least":
        rule["k"] = whole("k", _last(given, "k") or 2)
    return rule


def _outside_only(given: Given, tops: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """In all runs that are not ticked as in-domain, and in none of those that are."""
    inside = set(given.get("inside", ()))
    keys = given.get("run", ())
    own = [top for top, key in zip(tops, keys, strict=True) if key in inside]
    others = [top for top, key in zip(tops, keys, strict=True) if key not in inside]
    if not own or not others:
        raise BadInput("runs of both kinds", "only one", "Tick 'in-domain' at some of the chosen runs.", "inside")
    return {"op": "minus", "of": [{"op": "all", "of": others}, *own]}


def _last(given: Given, name: str) -> str:
    texts = given.get(name)
    return texts[-1] if texts else ""
