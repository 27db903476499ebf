"""The work of neurons over texts: activations at every token, folded shard by shard.

A shard keeps what merges exactly: sums, counts by width, sums by word, each text's extremes, and every token of the
texts that are strongest or weakest within it. Axes: N neurons, t tokens of one text, n texts of a shard, W words.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.data.samples import Pair
from app.domain.counting import counted
from app.domain.datasets import Dataset
from app.domain.errors import BadInput, NotFound, Unsupported
from app.domain.examples import CONTENT_SEGMENTS, FIRST_SEGMENTS, TokenSpan
from app.domain.results import ArrayRow, ItemRow, Row
from app.domain.scores import RunningScores
from app.domain.sites import NeuronIndex, Site
from app.jobs.base import Finished, Inputs, Partial, Shard
from app.kinds.activations.merged import GROUP, NEURONS, SHARD, merged
from app.kinds.activations.question import ActivationsQuestion
from app.kinds.activations.texts import Read, pairs_of_question, pasted, prompts_of, reads_pairs, texts_of_pairs
from app.models.host import ModelHost

TEXTS = 64
TOKENS = {"cpu": 2048, "cuda": 65536}
FIRST = 8
BARS = 40
Floats = NDArray[np.float64]


class ActivationsWork:
    """The work of one look at neurons in texts."""

    def __init__(self, question: ActivationsQuestion, given: Inputs, host: ModelHost) -> None:
        self.question, self.given, self.host = question, given, host
        self.neurons = tuple(NeuronIndex.parse(text) for text in question.neurons)

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        """The tensors that are read."""
        return tuple(dict.fromkeys(neuron.site for neuron in self.neurons))

    @cached_property
    def dataset(self) -> Dataset:
        """The stored dataset.

        Raises:
            NotFound: it is not in this database.
        """
        found = self.given.data.by_hash(self.question.dataset)
        if found is None:
            wanted = f"the dataset '{self.question.dataset_name}' in this database"
            raise NotFound(wanted, "none of its content", "Import it again, then resume the run.", "dataset")
        return found

    @cached_property
    def source(self) -> Sequence[Pair | Read]:
        """Everything that is read, in order: pairs by id, or texts."""
        if self.question.dataset:
            return pairs_of_question(self.question, self.given.data, self.dataset)[: self.question.limit]
        whole = prompts_of(self.question, self.given.questions) if self.question.questions else pasted(self.question)
        return whole[: self.question.limit]

    def reads(self, first: int, count: int) -> list[Read]:
        """So many texts from one on."""
        part = self.source[first : first + count]
        pairs = [one for one in part if isinstance(one, Pair)]
        if not pairs:
            return [one for one in part if isinstance(one, Read)]
        return texts_of_pairs(pairs, self.given.data, self.dataset, reads_pairs(self.host.card.tasks))

    def plan(self) -> dict[str, Any]:
        """How many texts, and the width of each neuron's bars, by its range in the first texts.

        Raises:
            BadInput: a neuron that the model does not have. Unsupported: one that does not stand at the input's tokens.
        """
        for neuron in self.neurons:
            widths = self.host.card.widths.get(neuron.kind, ())
            if neuron.layer >= len(widths) or neuron.unit >= widths[neuron.layer]:
                raise BadInput("a neuron of this model", f"'{neuron}'", "Correct the id.", "neurons")
        some = [values for _, _, values in self._fired(self.reads(0, FIRST))]
        spread = np.concatenate([np.zeros((len(self.neurons), 0)), *some], axis=1)
        ranges = np.ptp(spread, axis=1) if spread.shape[1] else np.zeros(len(self.neurons))
        fitting = None
        if self.question.dataset:
            fitting = len(pairs_of_question(self.question, self.given.data, self.dataset))
        return {
            "items": len(self.source),
            "fitting": fitting,
            "widths": [_nice(one / BARS) for one in ranges.tolist()],
            "neurons": len(self.neurons),
            "both": bool(self.question.dataset) and reads_pairs(self.host.card.tasks),
            "target": {"unit": "activation", "sentence": "activation at every token of the texts"},
        }

    def shards(self, plan: Mapping[str, Any]) -> tuple[Shard, ...]:
        """Some texts each."""
        starts = range(0, plan["items"], TEXTS)
        counts = [min(TEXTS, plan["items"] - first) for first in starts]
        return tuple(Shard(at, first, n, n) for at, (first, n) in enumerate(zip(starts, counts, strict=True)))

    def work(self, plan: Mapping[str, Any], shard: Shard) -> Partial:
        """What the neurons do in some texts."""
        reads = self.reads(shard.first, shard.count)
        fired = sorted(self._fired(reads), key=lambda one: one[0])
        fired = [one for one in fired if one[1]]
        if not fired:
            return Partial(
                None,
                (ItemRow(shard.number, SHARD, [], {}, {"texts": [], "tokens": 0, "given": shard.count, "cut": 0}),),
            )
        values = np.concatenate([one[2] for one in fired], axis=1)
        words, counts, sums = self._words(reads, fired)
        extremes = {
            "peaks": np.stack([one[2].max(axis=1) for one in fired], axis=1),
            "lows": np.stack([one[2].min(axis=1) for one in fired], axis=1),
            "means": np.stack([one[2].mean(axis=1) for one in fired], axis=1),
        }
        ends = self._ends(*(extremes[name].astype(np.float32) for name in ("peaks", "lows")))
        notes: dict[str, Any] = {
            "texts": [shard.first + at for at, _, _ in fired],
            "queries": [reads[at].query for at, _, _ in fired],
            "grades": [reads[at].grade for at, _, _ in fired],
            "given": shard.count,
            "cut": sum(self._is_cut(read) for read in reads),
            "tokens": values.shape[1],
            "sums": values.sum(axis=1).tolist(),
            "squares": (values**2).sum(axis=1).tolist(),
            "positive": (values > 0).sum(axis=1).tolist(),
            "bars": [_bars(row, width) for row, width in zip(values, plan["widths"], strict=True)],
            "words": words,
            "counts": counts,
        }
        rows: list[Row] = [ItemRow(shard.number, SHARD, [], {}, notes)]
        rows += [_array(f"{shard.number}", name, array) for name, array in {**extremes, "words": sums}.items()]
        rows += [_array(f"{shard.first + fired[at][0]}", "tokens", fired[at][2]) for at in ends]
        return Partial(None, tuple(rows))

    def _is_cut(self, read: Read) -> bool:
        """Whether not all of a text fits."""
        seen = self.host.seen(read.example, max_length=self.question.max_length)
        return bool(seen.cut_query or seen.cut_passage)

    def _ends(self, peaks: NDArray[np.float32], lows: NDArray[np.float32]) -> list[int]:
        """Numbers of the texts that are among the strongest or weakest of a neuron, ascending; by their extremes as
        they are stored, so that ties fall the same way when shards are merged."""
        kept = self.question.kept
        strongest = np.argsort(-peaks, axis=1, kind="stable")[:, :kept]
        weakest = np.argsort(lows, axis=1, kind="stable")[:, :kept]
        return [int(at) for at in np.unique(np.concatenate([strongest.ravel(), weakest.ravel()]))]

    def _fired(self, reads: Sequence[Read]) -> Iterator[tuple[int, list[TokenSpan], Floats]]:
        """Number, tokens of the text itself, and [N, t] activations at them, of every text; in any order."""
        for rows in self._passes(reads):
            batch = self.host.encode([reads[row].example for row in rows], max_length=self.question.max_length)
            trace = self.host.run(batch, None, record=self.sites)
            by_site = {site: trace.value(site) for site in self.sites}
            for site, values in by_site.items():
                if values.shape[1] != batch.mask.shape[1]:
                    way = "Choose a neuron of the encoder."
                    raise Unsupported("neurons at the tokens of the input", f"{site}, of the decoder", way, "neurons")
            every = np.stack([by_site[n.site][:, :, n.unit].double().cpu().numpy() for n in self.neurons], axis=1)
            for at, row in enumerate(rows):
                positions = batch.mask[at].nonzero()[:, 0].tolist()
                own = [(p, s) for p, s in zip(positions, batch.spans[at], strict=True) if s.segment in CONTENT_SEGMENTS]
                yield row, [span for _, span in own], every[at][:, [position for position, _ in own]]

    def _passes(self, reads: Sequence[Read]) -> Iterator[list[int]]:
        """Numbers of texts of similar length, as many a pass as there is room for."""
        room = int(self.host.room * TOKENS.get(self.host.device.type, 2048))
        order = sorted(
            range(len(reads)), key=lambda at: len(reads[at].example.query + (reads[at].example.passage or ""))
        )
        part: list[int] = []
        longest = 0
        for at in order:
            seen = self.host.seen(reads[at].example, max_length=self.question.max_length)
            if part and max(longest, len(seen.tokens)) * (len(part) + 1) > room:
                yield part
                part, longest = [], 0
            part.append(at)
            longest = max(longest, len(seen.tokens))
        if part:
            yield part

    def _words(self, reads: Sequence[Read], fired: Sequence[Any]) -> tuple[list[str], list[int], Floats]:
        """Words of some texts in lower case, how often each stands there, and [N, W] sums of its activation: the mean
        over its pieces, of every occurrence."""
        numbers: dict[str, int] = {}
        of: list[int] = []
        means: list[Floats] = []
        for at, spans, values in fired:
            for text, columns in words_in(reads[at], spans):
                of.append(numbers.setdefault(text, len(numbers)))
                means.append(values[:, columns].mean(axis=1))
        sums = np.zeros((len(self.neurons), len(numbers)))
        if of:
            np.add.at(sums.T, np.asarray(of), np.stack(means))
        return list(numbers), np.bincount(of, minlength=len(numbers)).tolist(), sums

    def finish(self, plan: Mapping[str, Any], total: RunningScores | None) -> Finished:
        """Everything that the shards hold, merged."""
        results, own = self.given.results, self.given.own
        shards = [row for row in results.items(own) if row.label == SHARD and row.notes["texts"]]
        if not shards:
            return Finished((), {"n": 0}, ())
        told = list(merged(self.question, plan, shards, results.named(own, GROUP), self._told))
        row = ItemRow(0, NEURONS, [], {}, {"neurons": told})
        texts = sum(len(row.notes["texts"]) for row in shards)
        tokens = sum(row.notes["tokens"] for row in shards)
        return Finished((row,), {"n": texts, "tokens": tokens}, tuple(self._warnings(plan, shards, texts)))

    def _told(self, number: int) -> dict[str, Any]:
        """A text with its tokens as they stand in it, for its page."""
        (read,) = self.reads(number, 1)
        seen = self.host.seen(read.example, max_length=self.question.max_length)
        tokens = [
            {"text": s.text, "segment": s.segment, "word": s.word, "start": s.start, "end": s.end}
            for s in seen.tokens
            if s.segment in CONTENT_SEGMENTS
        ]
        about = {"key": read.key, "of": read.query, "grade": read.grade, "cut": seen.cut_query + seen.cut_passage}
        return {**about, "query": read.example.query, "passage": read.example.passage, "tokens": tokens}

    def _warnings(self, plan: Mapping[str, Any], shards: Sequence[ItemRow], texts: int) -> Iterator[str]:
        if self.question.dataset and not plan["both"]:
            yield "This model reads one text: passages are read without their queries."
        empty = sum(row.notes["given"] for row in shards) - texts
        if empty:
            yield f"{counted(empty, 'text')} without a token of its own: left out."
        cut = sum(row.notes["cut"] for row in shards)
        if cut:
            limit = self.question.max_length
            yield f"{cut:,} of {texts:,} texts did not fit into {limit} tokens: what was cut off is not counted."


def words_in(read: Read, spans: Sequence[TokenSpan]) -> Iterator[tuple[str, list[int]]]:
    """Every word of a text in lower case, with the numbers of its pieces among the text's tokens; what holds no letter
    or digit is none."""
    columns: list[int] = []
    for at, span in enumerate(spans):
        if columns and (spans[columns[-1]].segment, spans[columns[-1]].word) != (span.segment, span.word):
            yield from _word(read, spans, columns)
            columns = []
        columns.append(at)
    if columns:
        yield from _word(read, spans, columns)


def _word(read: Read, spans: Sequence[TokenSpan], columns: list[int]) -> Iterator[tuple[str, list[int]]]:
    first, last = spans[columns[0]], spans[columns[-1]]
    text = read.example.query if first.segment in FIRST_SEGMENTS else read.example.passage or ""
    word = text[first.start : last.end].strip().casefold()
    if any(letter.isalnum() for letter in word):
        yield word, columns


def _bars(values: Floats, width: float) -> list[list[int]]:
    """[number of the bar, count] of values; bar b holds those from b to b + 1 times the width."""
    bars, counts = np.unique(np.floor(values / width).astype(np.int64), return_counts=True)
    return [[int(bar), int(count)] for bar, count in zip(bars, counts, strict=True)]


def _nice(width: float) -> float:
    """The next of 1, 2 and 5 times a power of ten; 1 where there is no width."""
    if not width > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(width))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= width * (1 - 1e-9)))


def _array(name: str, part: str, values: Floats) -> ArrayRow:
    return ArrayRow(GROUP, name, part, "mid", 0, 1, values.astype(np.float64).ravel())
