"""How near a written text comes to the one that was hoped for, by their words (``qrnca.md`` section 18, 2)."""

import re
from collections.abc import Sequence


def words_of(text: str) -> list[str]:
    """Runs of letters and digits, in lower case."""
    return re.findall(r"\w+", text.lower())


def begins_with(written: str, hoped: str) -> bool:
    """Whether a written text begins with the other one, word by word (exact match, as far as that one goes)."""
    wanted = words_of(hoped)
    if not wanted:
        return written.strip().startswith(hoped.strip())
    return words_of(written)[: len(wanted)] == wanted


def rouge_l(written: str, hoped: str) -> float:
    """ROUGE-L: F1 of the longest common subsequence of words; of a written text as many words as the other one has.

    1 for the same words, 0 where none is shared, or where the other one has no words.
    """
    wanted = words_of(hoped)
    given = words_of(written)[: len(wanted)]
    shared = _longest_common(given, wanted)
    return 2 * shared / (len(given) + len(wanted)) if wanted else 0.0


def _longest_common(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for left in a:
        before = row
        row = [0]
        for at, right in enumerate(b):
            row.append(before[at] + 1 if left == right else max(before[at + 1], row[at]))
    return row[-1]
