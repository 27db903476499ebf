"""Sizes in a model's configuration, which every family names in its own way."""

from collections.abc import Mapping
from typing import Any

from app.domain.errors import Unsupported
from app.domain.shapes import Shape

NAMES: Mapping[str, tuple[str, ...]] = {
    "layers": ("num_hidden_layers", "n_layers", "n_layer", "num_layers"),
    "units": ("intermediate_size", "hidden_dim", "n_inner", "ffn_dim", "d_ff"),
    "width": ("hidden_size", "dim", "n_embd", "d_model"),
    "heads": ("num_attention_heads", "n_heads", "n_head", "num_heads"),
    "vocabulary": ("vocab_size",),
}


def size_of(config: Mapping[str, Any], what: str) -> int | None:
    """A size by its plain name, see ``NAMES``; None where the configuration leaves it to the library."""
    return next((int(config[name]) for name in NAMES[what] if isinstance(config.get(name), int)), None)


def check_sizes(config: Mapping[str, Any]) -> None:
    """See that sizes are whole numbers above 0.

    Raises:
        Unsupported: one is not.
    """
    for name in (name for names in NAMES.values() for name in names):
        value = config.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise Unsupported(
                f"{name} in config.json as a whole number above 0", str(value)[:40], "Correct config.json.", "model"
            )


def shape_of(config: Mapping[str, Any], gated: bool) -> Shape | None:
    """The shape of a model's blocks; None where its configuration leaves a size to the library.

    Args:
        config: of the model. gated: whether its family has a gate in its feed-forward layers.
    """
    layers, units, width, heads, vocabulary = (
        size_of(config, what) for what in ("layers", "units", "width", "heads", "vocabulary")
    )
    if layers is None or width is None or heads is None or vocabulary is None:
        return None
    return Shape(
        layers=layers,
        units=units or 4 * width,
        width=width,
        heads=heads,
        shared=int(config.get("num_key_value_heads") or heads),
        head=int(config.get("head_dim") or width // heads),
        vocabulary=vocabulary,
        maps=3 if gated else 2,
        tied=bool(config.get("tie_word_embeddings", True)),
    )
