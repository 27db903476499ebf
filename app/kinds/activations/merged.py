"""What shards hold of neurons in texts, merged neuron by neuron.

Axes: N neurons, n texts, t tokens of one text, W words.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.analysis.separation import separation
from app.domain.results import ItemRow
from app.kinds.activations.question import ActivationsQuestion

GROUP = "activations"
SHARD, NEURONS = "shard", "neurons"
WORDS = 50
OFTEN = 3
"""Words that stand fewer times are not ranked, where enough others do."""
Floats = NDArray[np.float64]
Arrays = Mapping[tuple[str, str], Floats]


def merged(
    question: ActivationsQuestion,
    plan: Mapping[str, Any],
    shards: Sequence[ItemRow],
    arrays: Arrays,
    told: Callable[[int], dict[str, Any]],
) -> Iterator[dict[str, Any]]:
    """Of each neuron its numbers (``values``), its words, strongest and weakest texts with every token, its classes.

    Args:
        plan: widths of the bars. shards: their rows. arrays: their arrays. told: a text with its tokens, by number.
    """
    count = len(question.neurons)
    texts = [number for row in shards for number in row.notes["texts"]]
    of_text = {name: _joined(shards, arrays, name, count) for name in ("peaks", "lows", "means")}
    words, often, sums = _words(shards, arrays, count)
    cached: dict[int, dict[str, Any]] = {}
    for at, neuron in enumerate(question.neurons):
        ends = {
            "strongest": np.argsort(-of_text["peaks"][at], kind="stable")[: question.kept],
            "weakest": np.argsort(of_text["lows"][at], kind="stable")[: question.kept],
        }
        notes: dict[str, Any] = {"neuron": neuron, "width": plan["widths"][at], "bars": _bars(shards, at)}
        for name, chosen in ends.items():
            numbers = [texts[int(place)] for place in chosen]
            for number in numbers:
                cached.setdefault(number, told(number))
            notes[name] = [_text(number, cached[number], arrays, at, count) for number in numbers]
        notes |= _ranked(words, often, sums[at])
        notes["values"] = _numbers(shards, at, of_text)
        notes["classes"] = _classes(question, shards, {name: of_text[name][at] for name in ("peaks", "means")})
        yield notes


def _joined(shards: Sequence[ItemRow], arrays: Arrays, name: str, count: int) -> Floats:
    """[N, n] one number of each text."""
    return np.concatenate([arrays[f"{row.item}", name].reshape(count, -1) for row in shards], axis=1)


def _numbers(shards: Sequence[ItemRow], at: int, of_text: Mapping[str, Floats]) -> dict[str, float]:
    """Mean, spread, extremes and share above zero, over all tokens."""
    tokens = sum(row.notes["tokens"] for row in shards)
    mean = sum(row.notes["sums"][at] for row in shards) / tokens
    square = sum(row.notes["squares"][at] for row in shards) / tokens
    return {
        "tokens": float(tokens),
        "texts": float(of_text["peaks"].shape[1]),
        "mean": mean,
        "sd": float(np.sqrt(max(0.0, square - mean**2))),
        "above": sum(row.notes["positive"][at] for row in shards) / tokens,
        "high": float(of_text["peaks"][at].max()),
        "low": float(of_text["lows"][at].min()),
    }


def _bars(shards: Sequence[ItemRow], at: int) -> list[list[int]]:
    """[number of the bar, count], ascending."""
    counts: Counter[int] = Counter()
    for row in shards:
        counts.update(dict(row.notes["bars"][at]))
    return [[bar, counts[bar]] for bar in sorted(counts)]


def _words(shards: Sequence[ItemRow], arrays: Arrays, count: int) -> tuple[list[str], Floats, Floats]:
    """Words of all texts, [W] how often each stands there, [N, W] sums of its activation."""
    numbers: dict[str, int] = {}
    for row in shards:
        for word in row.notes["words"]:
            numbers.setdefault(word, len(numbers))
    often, sums = np.zeros(len(numbers)), np.zeros((count, len(numbers)))
    for row in shards:
        of = [numbers[word] for word in row.notes["words"]]
        often[of] += row.notes["counts"]
        sums[:, of] += arrays[f"{row.item}", "words"].reshape(count, -1)
    return list(numbers), often, sums


def _ranked(words: Sequence[str], often: Floats, sums: Floats) -> dict[str, Any]:
    """Words with the largest and the smallest mean, [word, mean, count], and what was left out as too rare."""
    least = OFTEN if (often >= OFTEN).sum() >= 2 * OFTEN else 1
    known = np.flatnonzero(often >= least)
    means = sums[known] / often[known] if len(known) else np.zeros(0)
    order = np.argsort(-means, kind="stable")
    rows = [[words[known[at]], float(means[at]), int(often[known[at]])] for at in order.tolist()]
    lowest = rows[max(len(rows) // 2, len(rows) - WORDS) :][::-1]
    half = rows[: min(WORDS, len(rows) - len(lowest))]
    return {"words": half, "low_words": lowest, "least": least, "rare": int((often < least).sum())}


def _text(number: int, told: Mapping[str, Any], arrays: Arrays, at: int, count: int) -> dict[str, Any]:
    """A text with its tokens, each with this neuron's activation as its ``score``."""
    values = arrays[f"{number}", "tokens"].reshape(count, -1)[at]
    tokens = [{**token, "score": float(value)} for token, value in zip(told["tokens"], values.tolist(), strict=True)]
    return {**told, "number": number, "tokens": tokens}


def _classes(question: ActivationsQuestion, shards: Sequence[ItemRow], of_text: Mapping[str, Floats]) -> dict[str, Any]:
    """How far a text's peak and its mean tell relevant passages from others; empty without both classes."""
    grades = [grade for row in shards for grade in row.notes["grades"]]
    queries = [query for row in shards for query in row.notes["queries"]]
    judged = np.asarray([grade is not None for grade in grades])
    relevant = np.asarray([grade is not None and grade >= question.threshold for grade in grades])
    found: dict[str, Any] = {}
    for name, values in of_text.items():
        told = [query for query, known in zip(queries, judged, strict=True) if known]
        one = separation(values[judged], relevant[judged], told, question.seed) if judged.any() else None
        if one is not None:
            found[name] = {**asdict(one), "unjudged": int((~judged).sum())}
    return found
