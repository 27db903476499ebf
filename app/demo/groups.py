"""Training groups: one query with a handful of passages and the teacher's score of each.

The teacher is the base model as a bi-encoder (cosine of mean-pooled embeddings), plus BM25 as a share
of the group's highest, plus a bonus for a positive judgement. Queries are the training queries of
``corpora.splits`` and made-up ones: titles, sentences and keywords of training passages.
"""

import math
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from app.demo.corpora import Split

GROUP = 8
LEXICAL, POSITIVE, OWN = 0.4, 0.35, 0.15
K1, B = 1.2, 0.75


@dataclass(frozen=True)
class Group:
    """A query, its passages, the teacher's scores (cosine scale), and which are known to be relevant."""

    query: str
    passages: tuple[str, ...]
    scores: tuple[float, ...]
    positive: tuple[bool, ...]


class Teacher:
    """The base model as a bi-encoder."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model, self.tokenizer = model.eval(), tokenizer

    @torch.inference_mode()
    def embed(self, texts: Sequence[str], batch: int = 64) -> Tensor:
        """[N, D] unit vectors, mean-pooled over tokens."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        out = torch.zeros(len(texts), self.model.config.hidden_size)
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            inputs = self.tokenizer(
                [texts[i] for i in rows], truncation=True, max_length=256, padding=True, return_tensors="pt"
            )
            hidden = self.model(**inputs).last_hidden_state
            mask = inputs["attention_mask"][..., None]
            pooled = (hidden * mask).sum(1) / mask.sum(1)
            out[torch.tensor(rows)] = torch.nn.functional.normalize(pooled, dim=-1)
        return out


def words(text: str) -> list[str]:
    """Lower-case words of a text."""
    return re.findall(r"\w+", text.lower())


class Pool:
    """Training passages of one set, merged passages included, with embeddings and word weights."""

    def __init__(self, split: Split, teacher: Teacher, draw: random.Random) -> None:
        self.split, self.teacher, self.draw = split, teacher, draw
        corpus = split.corpus
        self.ids = sorted(split.train_passages)
        self.texts = [corpus.passages[p] for p in self.ids]
        self.owner: dict[str, list[int]] = {p: [i] for i, p in enumerate(self.ids)}
        if corpus.name == "selqa":
            self._merge_sections(corpus.titles)
        self.vectors = teacher.embed(self.texts)
        counts = Counter(word for text in self.texts for word in set(words(text)))
        self.weight = {word: math.log(1 + len(self.texts) / n) for word, n in counts.items()}
        self.postings = self._postings()

    def _postings(self) -> dict[str, list[tuple[int, float]]]:
        """Word to (passage number, its share of BM25 there); k1 1.2, b 0.75."""
        bags = [Counter(words(text)) for text in self.texts]
        length = sum(bag.total() for bag in bags) / len(bags)
        postings: dict[str, list[tuple[int, float]]] = {}
        for number, bag in enumerate(bags):
            norm = K1 * (1 - B + B * bag.total() / length)
            for word, n in bag.items():
                postings.setdefault(word, []).append((number, self.weight[word] * n * (K1 + 1) / (n + norm)))
        return postings

    def _merge_sections(self, titles: Mapping[str, str]) -> None:
        """Sentences of one section become one longer passage beside the sentences themselves."""
        sections: dict[str, list[str]] = {}
        for key in sorted(self.ids, key=lambda k: (k.rsplit("_", 1)[0], int(k.rsplit("_", 1)[1]))):
            sections.setdefault(key.rsplit("_", 1)[0], []).append(key)
        for members in sections.values():
            body = " ".join(self.split.corpus.passages[k].removeprefix(titles[k]).strip() for k in members)
            for key in members:
                self.owner[key].append(len(self.texts))
            self.texts.append(f"{titles[members[0]]} {body}")

    def bm25(self, query: str) -> Counter[int]:
        """BM25 of every passage of the pool that shares a word with the query, by number."""
        scores: Counter[int] = Counter()
        for word in set(words(query)):
            for number, share in self.postings.get(word, ()):
                scores[number] += share  # type: ignore[assignment]
        return scores

    def group(
        self, query: str, vector: Tensor, positives: Sequence[int], bonus: float, hidden: Sequence[int] = ()
    ) -> Group:
        """One positive (if any), passages near by meaning and by words, and a random one; none of the hidden ones."""
        cosine, lexical = self.vectors @ vector, self.bm25(query)
        chosen = list(self.draw.sample(list(positives), min(1 + (self.draw.random() < 0.3), len(positives))))
        near = [int(i) for i in cosine.topk(min(40, len(self.texts))).indices]
        worded = [number for number, _ in lexical.most_common(20)]
        for source, count in ((near[:10], 2), (worded, 3), (near, GROUP)):
            fresh = [i for i in source if i not in {*positives, *chosen, *hidden}]
            chosen += self.draw.sample(fresh, min(count, len(fresh), GROUP - len(chosen) - (source is near)))
        while len(chosen) < GROUP:
            other = self.draw.randrange(len(self.texts))
            if other not in {*positives, *hidden}:
                chosen.append(other)
        known = set(positives)
        top = max(*(lexical[i] for i in chosen), 1e-9)
        scores = [float(cosine[i]) + LEXICAL * lexical[i] / top + (bonus if i in known else 0.0) for i in chosen]
        return Group(query, tuple(self.texts[i] for i in chosen), tuple(scores), tuple(i in known for i in chosen))


def real_groups(pool: Pool, repeats: int) -> Iterator[Group]:
    """Groups of the set's own training queries."""
    queries = [
        (text, [i for p, g in pool.split.train_grades[q].items() if g > 0 for i in pool.owner.get(p, [])])
        for q, text in pool.split.train_queries.items()
    ]
    vectors = pool.teacher.embed([text for text, _ in queries])
    for _ in range(repeats):
        for (text, positives), vector in zip(queries, vectors, strict=True):
            yield pool.group(text, vector, positives, POSITIVE)


def invented_groups(pool: Pool, count: int, hidden: float = 0.0) -> Iterator[Group]:
    """Groups of made-up queries: a sentence, the title, or some keywords of a training passage.

    This share of them leaves that passage out: where every word of the query stands in one there is little to learn.
    """
    picks = [pool.draw.randrange(len(pool.texts)) for _ in range(count)]
    queries = [_invented(pool.texts[i], pool.draw) for i in picks]
    for number, query, vector in zip(picks, queries, pool.teacher.embed(queries), strict=True):
        hide = pool.draw.random() < hidden
        yield pool.group(query, vector, [] if hide else [number], OWN, [number] if hide else [])


def _invented(text: str, draw: random.Random) -> str:
    sentences = [s for s in re.split(r"(?<=[.?!])\s+", text) if len(s.split()) > 4]
    kind = draw.random()
    if sentences and kind < 0.5:
        return " ".join(draw.choice(sentences).split()[: draw.randint(6, 20)])
    tokens = text.split()
    if kind < 0.6:
        return " ".join(tokens[: draw.randint(4, 12)])
    opening = draw.choice(["", "what is ", "what are ", "how does ", "is ", "what causes "])
    picked = sorted(draw.sample(range(len(tokens)), min(len(tokens), draw.randint(3, 8))))
    return opening + " ".join(tokens[i] for i in picked)
