"""Names that a person would give to sets made by a rule; the rule itself stays beside them."""

from collections.abc import Callable, Mapping, Sequence

from app.domain.counting import counted
from app.domain.neuron_sets import Selection
from app.domain.runs import Run
from app.domain.set_rules import Combined, Fused, Listed, Rule, Top, runs_of

LONGEST = 100
FUSIONS = {
    "mean": "mean score",
    "l1": "mean of L1-normalised scores",
    "z": "mean z-score",
    "rrf": "fused rank",
}
ENDS = {"top": "top {}", "bottom": "most negative {}", "abs": "largest {} by magnitude", "small": "smallest {}"}
Call = Callable[[str], str]


def set_name(rule: Rule, runs: Mapping[str, Run]) -> str:
    """A name for what a rule gives, at most 100 characters.

    Args:
        rule: the rule.
        runs: fingerprint to run, of every run that it reads. They are called by the heads of their titles, by their
            titles, or, where that is too long, by their numbers.
    """
    read = list(dict.fromkeys(runs_of(rule)))
    titles = [runs[key].title for key in read]
    heads = [title.split(":")[0] for title in titles]
    numbers = [f"run {runs[key].id}" for key in read]
    told = len(set(heads)) == len(heads) > 1
    for names in (*((heads,) if told else ()), titles, numbers):
        name = _words(rule, dict(zip(read, names, strict=True)).__getitem__)
        if len(name) <= LONGEST and len(set(names)) == len(names):
            return name[:1].upper() + name[1:]
    return f"{name[:1].upper()}{name[1 : LONGEST - 1]}…"


def _words(rule: Rule, call: Call) -> str:
    if isinstance(rule, Top):
        return f"{_end(rule.selection)} of {call(rule.run)}"
    if isinstance(rule, Fused):
        runs = _listed([call(run) for run in rule.runs])
        return f"top {100 * rule.fraction:g} % by the {FUSIONS[rule.how]} of {runs}"
    if isinstance(rule, Listed):
        return counted(len(rule.neurons), "listed neuron")
    return _combined(rule, call)


def _combined(rule: Combined, call: Call) -> str:
    """Parts that are one end of several rankings are named together."""
    first, *others = rule.of
    if rule.op == "minus":
        without = [_words(part, call) for part in others]
        ends = _same_end([part for part in (*_flat(first), *others) if not isinstance(part, Combined)])
        if ends and all(isinstance(part, Top) for part in others):
            without = [call(part.run) for part in others if isinstance(part, Top)]
        return f"{_words(first, call)}, not of {_listed(without, 'or')}" if others else _words(first, call)
    end = _same_end(rule.of)
    parts = [call(part.run) for part in rule.of if isinstance(part, Top)] if end else []
    parts = parts or [_words(part, call) for part in rule.of]
    if len(parts) == 1:
        return _words(first, call)
    inside = f"the {end} of " if end else ""
    if rule.op == "at_least":
        return f"in {inside}at least {rule.k} of {_listed(parts)}"
    if rule.op == "any":
        return f"in {inside}{_listed(parts, 'or')}"
    return f"in {inside}{'both ' if len(parts) == 2 else 'all of '}{_listed(parts)}"


def _flat(rule: Rule) -> Sequence[Rule]:
    return rule.of if isinstance(rule, Combined) else (rule,)


def _same_end(parts: Sequence[Rule]) -> str:
    """The end that all parts are of their rankings; empty where they differ."""
    ends = {_end(part.selection) if isinstance(part, Top) else "" for part in parts}
    return ends.pop() if len(ends) == 1 else ""


def _end(selection: Selection) -> str:
    """``top 1 %``, with the layers and the part of the input where these are not all."""
    if selection.rank == "hand":
        return counted(len(selection.neurons), "hand-picked neuron")
    size = str(selection.count) if selection.count is not None else f"{100 * selection.fraction:g} %"
    where = "" if selection.layers is None else f" of layers {_listed([f'L{layer}' for layer in selection.layers])}"
    part = "" if selection.part == "all" else f" by {selection.part}"
    return f"{ENDS[selection.rank].format(size)}{where}{part}"


def _listed(names: Sequence[str], last: str = "and") -> str:
    """``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"
