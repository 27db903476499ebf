"""Words of a text, for BM25.

Texts are taken in their compatibility form (NFKC) and in lower case. A word is a run of letters, digits and underscores
with the marks that stand on them; single letters count. Where a script puts no spaces between words (Chinese,
Japanese, Thai, Lao, Khmer, Burmese, Tibetan), and in Korean, whose endings stick to their words, every character with
its marks is a word, as the StandardAnalyzer of Lucene has it for Chinese.
"""

import re
import sys
import unicodedata
from functools import cache

ALONE = (
    "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # Hiragana, Katakana
    "\u1100-\u11ff\u3105-\u312f\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"  # Hangul, Bopomofo
    "\u0e01-\u0e5b\u0e81-\u0edf\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Tibetan, Burmese, Khmer
)
"""Characters that are words of their own."""


PLAIN = re.compile(r"\w+")


@cache
def _pattern() -> re.Pattern[str]:
    marks = "".join(chr(n) for n in range(sys.maxunicode + 1) if unicodedata.category(chr(n))[0] == "M")
    joined = f"[^\\W{ALONE}]"
    return re.compile(f"(?=\\w)[{ALONE}][{marks}]*|{joined}+(?:[{marks}\u200c\u200d]+{joined}*)*")


def words(text: str) -> list[str]:
    """The words of a text, in order."""
    if text.isascii():
        return PLAIN.findall(text.lower())
    return _pattern().findall(unicodedata.normalize("NFKC", text).lower())
