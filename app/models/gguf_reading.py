"""What a GGUF file holds, as a model of the transformers library in float32.

The library's loader leaves out, without a word, what it has no name for: biases, factors of the rotation, windows.
Each is compared here with what the loaded model does; where both differ the file is refused.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, pre_tokenizers
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GgufConfig
from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from app.domain.errors import GolgiError, Unsupported
from app.models.gguf import Header, broken, check_packages, header_of, readable

ROTATION = "rope_freqs.weight"
LLAMA3 = {"rope_type": "llama3", "low_freq_factor": 1.0, "high_freq_factor": 4.0}
LLAMA3_FACTORS, LLAMA3_LENGTH = (8.0, 32.0), 8192


LLAMA3_CUT = ("llama3", "llama-v3", "llama-bpe")
"""How files name Llama 3's way to cut texts: words of the vocabulary stay whole, and the beginning is marked unless the
file says that it is not."""


@dataclass(frozen=True)
class Reading:
    """A model in float32 with its tokenizer.

    Args:
        model: its weights on the CPU, to be saved and not to be run: what is not saved has no numbers.
        tokenizer: its tokenizer.
        types: how the file keeps its weights, in words.
        licence: as the file tells it; empty if it does not.
        notes: what was guessed, in sentences.
    """

    model: Any
    tokenizer: Any
    types: str
    licence: str
    notes: tuple[str, ...]


def read(file: Path) -> Reading:
    """Read a GGUF file.

    Raises:
        Unsupported: the packages are missing, or the file cannot be read, or not without leaving something out.
    """
    check_packages()
    header = header_of(file)
    readable(header)
    try:
        return _read(file, header)
    except GolgiError:
        raise
    except Exception as error:
        raise broken(file, error) from error


def _read(file: Path, header: Header) -> Reading:
    from gguf import GGUFReader

    tensors = GGUFReader(file).tensors
    config = AutoConfig.from_pretrained(file.parent, gguf_file=file.name)
    _complete(config, header)
    _check_settings(config, header)
    rotation = next((torch.from_numpy(t.data.copy()).float() for t in tensors if t.name == ROTATION), None)
    if rotation is not None:
        config.rope_parameters = _rotation(config, header, rotation)
    model = _model(file, config)
    _check_names(model, header, [t.name for t in tensors])
    tokenizer, notes = _tokenizer(file, header, config.vocab_size)
    counts = Counter(t.tensor_type.name for t in tensors).most_common()
    types = f"{counts[0][1]} tensors {counts[0][0]}" + "".join(f", {count} {name}" for name, count in counts[1:])
    return Reading(model, tokenizer, types, str(header.facts.get("general.license", "")), notes)


def _complete(config: Any, header: Header) -> None:
    """What the file tells and the library does not read, or fills in for another vocabulary where the file does not.

    A norm's epsilon becomes as short as float32 has it.
    """
    own = header.own()
    if "attention.key_length" in own and hasattr(config, "head_dim"):
        config.head_dim = own["attention.key_length"]
    if "attention.sliding_window" in own and not hasattr(config, "use_sliding_window"):
        config.sliding_window = own["attention.sliding_window"]
    if header.kind == "gpt2":
        config.n_positions, config.n_inner = own["context_length"], own.get("feed_forward_length")
    for name, key in (("bos", "bos"), ("eos", "eos"), ("pad", "padding")):
        setattr(config, f"{name}_token_id", header.facts.get(f"tokenizer.ggml.{key}_token_id"))
    for name in ("rms_norm_eps", "layer_norm_epsilon"):
        if hasattr(config, name):
            setattr(config, name, float(str(np.float32(getattr(config, name)))))
    config.__dict__.pop("_model_name_or_path", None)


def _head(config: Any) -> int:
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def _rotated(config: Any) -> int:
    share = (getattr(config, "rope_parameters", None) or {}).get("partial_rotary_factor", 1.0)
    return int(_head(config) * share)


def _window(config: Any) -> int | None:
    """Tokens that a token looks back; None: all."""
    used = getattr(config, "use_sliding_window", True) and hasattr(config, "sliding_window")
    return config.sliding_window if used else None


MEANT: Mapping[str, Callable[[Any], Any]] = {
    "rope.dimension_count": _rotated,
    "attention.key_length": _head,
    "attention.value_length": _head,
    "attention.sliding_window": _window,
    "rope.scaling.type": lambda config: "none",
    "rope.scale_linear": lambda config: 1.0,
    "expert_count": lambda config: 0,
    "expert_used_count": lambda config: 0,
    "attention.causal": lambda config: True,
    "attention.head_count_kv": lambda config: getattr(config, "num_key_value_heads", config.num_attention_heads),
    "attention.head_count": lambda config: config.num_attention_heads,
    "block_count": lambda config: config.num_hidden_layers,
    "context_length": lambda config: config.max_position_embeddings,
    "embedding_length": lambda config: config.hidden_size,
    "feed_forward_length": lambda config: getattr(config, "intermediate_size", None) or config.n_inner,
}
"""Settings of a GGUF file, and what the library's configuration does in their place."""

READ = {
    *("vocab_size", "rope.freq_base", "attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon"),
    *("tensor_data_layout", "rope.scaling.original_context_length", "rope.scaling.factor", "rope.scaling.finetuned"),
}
"""Settings that the loader reads, or that mean something only beside another one of ``MEANT``."""


def _check_settings(config: Any, header: Header) -> None:
    """See that the configuration does what the file tells.

    Raises:
        Unsupported: it does not, or the file tells something that nobody here knows.
    """
    wrong = []
    for key, told in header.own().items():
        if key in MEANT and MEANT[key](config) != told:
            wrong.append(f"{key} {told} (read as {MEANT[key](config)})")
        elif key not in MEANT and key not in READ:
            wrong.append(f"{key} {str(told)[:40]} (unknown)")
    if wrong:
        raise Unsupported(
            "a GGUF file whose settings the transformers library knows",
            f"{header.name}: {', '.join(wrong[:4])}",
            "Use the model's folder with safetensors; read without them it would be another model.",
            "model",
        )


def _rotation(config: Any, header: Header, factors: Tensor) -> dict[str, Any]:
    """The rotary settings of Llama 3 whose factors the file holds; the library does not read them.

    Args:
        config: with plain rotation. header: of the file.
        factors: [head width / 2] what each frequency is divided by.

    Raises:
        Unsupported: factors of another kind.
    """
    theta, width = float(config.rope_parameters["rope_theta"]), _head(config)
    plain = theta ** -(torch.arange(0, width, 2, dtype=torch.float64) / width)
    if bool((factors == 1).all()):
        return dict(config.rope_parameters)
    before = config.rope_parameters
    for factor in LLAMA3_FACTORS:
        more = {"factor": factor, "original_max_position_embeddings": LLAMA3_LENGTH, "rope_theta": theta}
        config.rope_parameters = {**LLAMA3, **more}
        scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
        if scaled.shape == factors.shape and torch.allclose((plain / scaled).float(), factors, rtol=1e-4):
            return dict(config.rope_parameters)
    config.rope_parameters = before
    raise Unsupported(
        "rotary factors of Llama 3",
        f"others in {ROTATION} of {header.name}",
        "Use the model's folder with safetensors; without its factors it would be another model.",
        "model",
    )


def _model(file: Path, config: Any) -> Any:
    """The model in float32, without the bookkeeping of how it was kept, so that it can be saved.

    Raises:
        Unsupported: the file lacks weights.
    """
    loaded, info = AutoModelForCausalLM.from_pretrained(
        file.parent,
        gguf_file=file.name,
        config=config,
        dtype=torch.float32,
        quantization_config=GgufConfig(dequantize=True),
        output_loading_info=True,
    )
    missing = sorted(info["missing_keys"])
    if missing:
        raise Unsupported(
            "every weight of the model in its file", f"{file.name} lacks {', '.join(missing[:3])}", "Copy it again."
        )
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.load_state_dict(loaded.state_dict(), assign=True)
    model.tie_weights()
    return model.eval()


def _check_names(model: Any, header: Header, found: list[str]) -> None:
    """See that the model has a place for every tensor of the file.

    Raises:
        Unsupported: it has none for some.
    """
    from gguf import MODEL_ARCH_NAMES, get_tensor_name_map

    kind = next(key for key, name in MODEL_ARCH_NAMES.items() if name == header.kind)
    names = get_tensor_name_map(kind, model.config.num_hidden_layers)
    ends = (".weight", ".bias")
    known = {names.get_name(name, try_suffixes=ends) for name in model.state_dict()} | {ROTATION}
    left = [name for name in found if name not in known]
    if left:
        more = f" and {len(left) - 3} more" if len(left) > 3 else ""
        raise Unsupported(
            "a GGUF file whose tensors the transformers library knows",
            f"{header.name} with {', '.join(left[:3])}{more}",
            "Use the model's folder with safetensors; read without them it would be another model.",
            "model",
        )


def _tokenizer(file: Path, header: Header, rows: int) -> tuple[Any, tuple[str, ...]]:
    """The tokenizer, and what was guessed of it; ``rows`` of the word look-up are all that it may number."""
    cut, notes = str(header.facts.get("tokenizer.ggml.pre", "")), []
    how = {"add_bos_token": True} if cut in LLAMA3_CUT else {}
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name, **how)
    if cut in LLAMA3_CUT:
        tokenizer.backend_tokenizer.model.ignore_merges = True
    if header.facts.get("tokenizer.ggml.model") == "gpt2":
        if cut == "smollm":
            parts = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
            tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(parts)
        elif cut not in GGUF_PRE_TOKENIZER_SPLITS and cut != "gpt-2":
            named = f"says '{cut}', which the transformers library does not know" if cut else "does not say"
            notes.append(f"How texts are cut before they become tokens, the file {named}; they are cut as for GPT-2.")
    return _within(tokenizer, rows), tuple(notes)


def _within(tokenizer: Any, rows: int) -> Any:
    """The tokenizer without tokens that the library added and the model has no row for."""
    if len(tokenizer) <= rows:
        return tokenizer
    core = json.loads(tokenizer.backend_tokenizer.to_str())
    core["added_tokens"] = [token for token in core["added_tokens"] if token["id"] < rows]
    names = ("bos_token", "eos_token", "unk_token", "pad_token", "chat_template")
    told = {name: getattr(tokenizer, name) for name in names}
    return type(tokenizer)(tokenizer_object=Tokenizer.from_str(json.dumps(core)), **told)
