"""Tokenizer, configuration and weights of a folder, opened by the transformers library; faults are told in our words.

The library's own sentence goes to the log.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer

from app.domain.errors import GolgiError, OutOfMemory, Unsupported
from app.models.encoding import fast_tokenizer
from app.models.tokenizer_files import AGAIN

log = logging.getLogger(__name__)
LOCAL: Mapping[str, Any] = {"local_files_only": True, "trust_remote_code": False}
"""Nothing is fetched, and no code of a folder's own is run."""


def tokenizer_of(folder: Path) -> Any:
    """The folder's fast tokenizer.

    Raises:
        Unsupported: it cannot be loaded, has no fast version, or cuts no text.
    """
    try:
        tokenizer = fast_tokenizer(AutoTokenizer.from_pretrained(folder, **LOCAL))
    except GolgiError:
        raise
    except Exception as error:
        log.warning("the tokenizer of %s cannot be loaded: %s", folder.name, error)
        raise Unsupported(
            "a tokenizer that the transformers library can load",
            f"files in {folder.name} that it cannot ({', '.join(_tokenizer_files(folder))})",
            AGAIN,
            "model",
        ) from error
    if len(tokenizer) == 0:
        raise Unsupported("a vocabulary", f"a tokenizer without tokens in {folder.name}", AGAIN, "model")
    return tokenizer


def _tokenizer_files(folder: Path) -> list[str]:
    names = (path.name for path in sorted(folder.iterdir()))
    parts = ("token", "vocab", "merges", "spiece", "sentencepiece")
    return [name for name in names if any(part in name for part in parts)]


def config_of(folder: Path) -> Any:
    """The folder's configuration.

    Raises:
        Unsupported: the library cannot make one of ``config.json``.
    """
    try:
        return AutoConfig.from_pretrained(folder, **LOCAL)
    except Exception as error:
        log.warning("the configuration of %s cannot be loaded: %s", folder.name, error)
        raise Unsupported(
            "a config.json whose entries have the types and values that its family allows",
            f"one in {folder.name} that the transformers library refuses{_entry(error)}",
            "Correct config.json, or copy it again.",
            "model",
        ) from error


def _entry(error: Exception) -> str:
    """The entry of a configuration that the library names, if it names one."""
    words = str(error).replace("`", "'").split("'")
    named = [word for word in words[1::2] if word.isidentifier() and word.islower()]
    return f" (entry '{named[0]}')" if named else ""


def model_of(folder: Path, loader: Any, config: Any, dtype: torch.dtype) -> Any:
    """The folder's model on the processor, every weight of it from its files and finite.

    Raises:
        Unsupported: weights that do not fit the configuration, are missing, or are no numbers.
        OutOfMemory: there is no room for them.
    """
    how = {"config": config, "dtype": dtype, "use_safetensors": True, "ignore_mismatched_sizes": True}
    try:
        model, told = loader.from_pretrained(folder, output_loading_info=True, **LOCAL, **how)
    except (torch.cuda.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory("room for the weights", str(folder.name), "Unload other models first.", "model") from error
    except Exception as error:
        log.warning("the weights of %s cannot be loaded: %s", folder.name, error)
        raise Unsupported(
            "a config.json whose sizes fit together, and the weights that it describes",
            f"a folder ({folder.name}) of which the transformers library cannot make a model",
            "Compare the sizes in config.json with those of the original, or copy the model again.",
            "model",
        ) from error
    _check_shapes(folder, told["mismatched_keys"])
    _check_whole(folder, told["missing_keys"])
    _check_depth(folder, model, told["unexpected_keys"])
    check_finite(model, dtype)
    return model


def _check_shapes(folder: Path, mismatched: Any) -> None:
    """See that weights have the shapes that the configuration gives them.

    Raises:
        Unsupported: they have not.
    """
    for name, stored, wanted in sorted(mismatched, key=str)[:1]:
        more = f", and {len(mismatched) - 1} more like it" if len(mismatched) > 1 else ""
        raise Unsupported(
            f"{name} of the shape {_shape(wanted)}, by the sizes and labels in config.json",
            f"{_shape(stored)} in the weights of {folder.name}{more}",
            "Correct config.json, or copy the weights that belong to it.",
            "model",
        )


def _shape(sizes: Any) -> str:
    return " x ".join(str(int(size)) for size in sizes) or "one number"


def _check_whole(folder: Path, missing_keys: Any) -> None:
    """See that the files hold every weight; the library fills in random numbers for those they lack.

    Raises:
        Unsupported: weights are missing.
    """
    missing = sorted(missing_keys)
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise Unsupported(
            "every weight of the model in its files",
            f"{folder.name} lacks {', '.join(missing[:3])}{more}",
            "Copy the missing file, or choose a checkpoint that was trained with this head.",
            "model",
        )


def _check_depth(folder: Path, model: Any, unexpected: Any) -> None:
    """See that the files hold no further blocks, which would be left out without a word.

    Raises:
        Unsupported: they do.
    """
    stacks = [name for name, part in model.named_modules() if isinstance(part, torch.nn.ModuleList) and len(part)]
    for weight in sorted(unexpected):
        for stack in stacks:
            _, found, rest = weight.rpartition(f"{stack}.") if f"{stack}." in weight else ("", "", "")
            number = rest.split(".")[0]
            if found and number.isdigit() and int(number) >= len(model.get_submodule(stack)):
                raise Unsupported(
                    f"{len(model.get_submodule(stack))} blocks in the weights, as config.json says",
                    f"more of them in {folder.name} ({weight})",
                    "Correct the number of layers in config.json, or copy the weights that belong to it.",
                    "model",
                )


def check_finite(model: Any, dtype: torch.dtype) -> None:
    """See that every weight is a number.

    Raises:
        Unsupported: one is NaN or infinite, with its name.
    """
    for name, weight in model.state_dict().items():
        if weight.is_floating_point() and not bool(torch.isfinite(weight).all()):
            wrong = int((~torch.isfinite(weight)).sum())
            precision = str(dtype).removeprefix("torch.")
            raise Unsupported(
                "weights that are finite numbers",
                f"{wrong:,} of {weight.numel():,} that are NaN or infinite in {name}, read as {precision}",
                "Copy the weights again, or take an earlier checkpoint; float16 lacks room for numbers above 65,504.",
                "model",
            )
