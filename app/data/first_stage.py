"""First-stage candidates by BM25 (the bm25s library; Lucene's form, k1 1.2, b 0.75, English stop words kept)."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from app.data.words import words
from app.domain.datasets import Candidate

K1, B = 1.2, 0.75
ABOUT = (
    f"BM25 (Lucene's form, k1 {K1}, b {B}) over words in lower case; single letters and stop words count, and every "
    "character is a word in Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese and Tibetan"
)


def bm25(passages: Iterable[tuple[str, str]], queries: Iterable[tuple[str, str]], depth: int) -> Iterator[Candidate]:
    """The ``depth`` best passages of every query that shares a word with it, ties by passage id.

    Texts are streamed; what is kept is the index (ids and counts of words).
    """
    import bm25s
    from bm25s.tokenization import Tokenizer

    keys: list[str] = []

    def texts() -> Iterator[str]:
        for key, text in passages:
            keys.append(key)
            yield text

    tokenizer = Tokenizer(lower=False, splitter=words, stopwords=None)
    tokens = list(tokenizer.streaming_tokenize(texts(), update_vocab=True))
    if not any(tokens):
        return
    index = bm25s.BM25(k1=K1, b=B, method="lucene")
    index.index((tokens, tokenizer.get_vocab_dict()), show_progress=False)
    rank_of_key = np.argsort(np.argsort(np.asarray(keys)))
    for key, text in queries:
        known_words = [
            word for word in next(iter(tokenizer.streaming_tokenize([text], update_vocab=False))) if word >= 0
        ]
        if known_words:
            yield from _ranked(key, index.get_scores(known_words), keys, rank_of_key, depth)


def _ranked(
    query: str, scores: NDArray[np.float32], keys: list[str], tie: NDArray[np.int64], depth: int
) -> Iterator[Candidate]:
    order = np.lexsort((tie, -scores))[:depth]
    for rank, at in enumerate(order, start=1):
        if scores[at] <= 0:
            return
        yield Candidate(query, keys[int(at)], rank, float(scores[at]))
