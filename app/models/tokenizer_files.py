"""The files of a tokenizer: whether they are there and whole, without loading them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.domain.errors import Unsupported
from app.models.json_files import read_json

WHOLE = "tokenizer.json"
ANY = (WHOLE, "vocab.txt", "spiece.model", "vocab.json", "tokenizer.model", "sentencepiece.bpe.model", "spm.model")
"""Files of which a tokenizer has at least one."""
AGAIN = "Copy the model's tokenizer again, or save it anew with save_pretrained."


def check_tokenizer_files(folder: Path) -> None:
    """See that a folder has a tokenizer, and that ``tokenizer.json`` holds what it must.

    Raises:
        Unsupported: it has not.
    """
    if not any((folder / name).exists() for name in ANY):
        raise Unsupported("a tokenizer in the folder", "none", "Copy tokenizer.json beside the weights.", "model")
    if not (folder / WHOLE).exists():
        return
    content = read_json(folder / WHOLE)
    model = content.get("model")
    if not isinstance(model, dict):
        raise Unsupported(f'{WHOLE} with a "model" that cuts words', _kind(model), AGAIN, "model")
    if not isinstance(content.get("added_tokens"), list):
        raise Unsupported(
            f'{WHOLE} with a list of "added_tokens" (special tokens)',
            _kind(content.get("added_tokens")),
            AGAIN,
            "model",
        )
    _check_vocabulary(model)


def _check_vocabulary(model: Mapping[str, Any]) -> None:
    """See that a model has tokens, each with a number or a weight.

    Raises:
        Unsupported: it has none, or something else.
    """
    vocabulary = model.get("vocab")
    if not isinstance(vocabulary, dict | list):
        raise Unsupported(f"a vocabulary in {WHOLE} (tokens and their numbers)", _kind(vocabulary), AGAIN, "model")
    if not vocabulary:
        raise Unsupported(f"a vocabulary in {WHOLE}", "one without tokens", AGAIN, "model")
    if isinstance(vocabulary, dict):
        wrong = [
            token for token, number in vocabulary.items() if isinstance(number, bool) or not isinstance(number, int)
        ]
    else:
        wrong = [str(entry)[:40] for entry in vocabulary if not isinstance(entry, list) or len(entry) != 2]
    if wrong:
        found = f"{len(wrong):,} without, the first '{wrong[0][:40]}'"
        raise Unsupported(f"a number for every token of the vocabulary in {WHOLE}", found, AGAIN, "model")


def _kind(value: object) -> str:
    """What stands there, in words."""
    return "none" if value is None else f"a {type(value).__name__}"
