"""A run as the command line that makes it again."""

import shlex
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from app.domain.attributing import AttributeSettings
from app.domain.explaining import ExplainSettings
from app.domain.interventions import Op
from app.domain.runs import Run, canonical
from app.domain.studying import StudySettings
from app.jobs.kinds.ablate import AblateSettings
from app.methods.base import methods


def command_of(run: Run, inputs: Mapping[str, Run]) -> str:
    """The command; reading it back gives the same fingerprint. ``inputs`` is role to input run."""
    if run.spec.kind == "ablate":
        words = _ablate_words(AblateSettings.model_validate(run.spec.settings), inputs["source"].fingerprint)
    elif run.spec.kind in ("attribute", "study"):
        words = _measure_words(run, inputs)
    else:
        words = _explain_words(ExplainSettings.model_validate(run.spec.settings), run.spec.source or run.spec.model)
    return shlex.join(["golgi", *words])


def _measure_words(run: Run, inputs: Mapping[str, Run]) -> list[str]:
    """The command of a run over a dataset, with what differs from the defaults as JSON."""
    schemas: dict[str, type[BaseModel]] = {"attribute": AttributeSettings, "study": StudySettings}
    settings = schemas[run.spec.kind].model_validate(run.spec.settings).model_dump(mode="json", exclude_defaults=True)
    words = [run.spec.kind, *_given("--model", run.spec.source or run.spec.model)]
    if run.spec.kind == "study":
        sources = [one.fingerprint for role, one in sorted(inputs.items()) if role.startswith("source")]
        words += ["--sources", ",".join(sources)] if sources else []
        words += [] if any(not role.startswith("source") for role in inputs) else ["--no-controls"]
    return [*words, "--spec", canonical(settings)]


def _explain_words(settings: ExplainSettings, model: str) -> list[str]:
    words = ["explain", *_given("--model", model), *_given("--query", settings.query)]
    for passage in settings.passages:
        words += _given("--passage", passage)
    defaults = methods()[settings.method].Params().model_dump(mode="json")
    for name, value in settings.params.items():
        if value != defaults.get(name):
            words += _option(name, value)
    target = settings.target
    words += ["--target", target.name] if target.name != "default" else []
    words += ["--label", str(target.label)] if target.label is not None else []
    words += _given("--token", target.token) if target.token is not None else []
    words += ["--neuron", target.neuron] if target.neuron is not None else []
    words += ["--tokens", target.tokens] if target.tokens is not None else []
    words += ["--method", settings.method] if settings.method != "nig" else []
    return [*words, "--max-length", str(settings.max_length)]


def _option(name: str, value: Any) -> list[str]:
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return [flag] if value else ["--no-" + name.replace("_", "-")]
    return _given(flag, str(value))


def _given(flag: str, text: str) -> list[str]:
    """An option with its value; in one word where the value would read as an option."""
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]


def _share(fraction: float) -> list[str]:
    """A share of all neurons, as a percentage where that gives the same number back."""
    text = f"{100 * fraction:.15g}"
    return ["--top", f"{text}%"] if float(text) / 100 == fraction else ["--share", repr(fraction)]


def _ablate_words(settings: AblateSettings, source: str) -> list[str]:
    rule, plain = settings.selection, AblateSettings()
    words = ["ablate", source, "--rank", rule.rank]
    if rule.rank == "hand":
        words += ["--neurons", ",".join(rule.neurons)]
    elif rule.count is not None:
        words += ["--top", str(rule.count)]
    else:
        words += _share(rule.fraction)
    words += ["--layers", ",".join(map(str, rule.layers))] if rule.layers is not None else []
    words += ["--part", rule.part] if rule.part != "all" else []
    words += ["--op", settings.op.value]
    words += _given("--amount", repr(settings.amount)) if settings.op is Op.SCALE else []
    words += ["--segments", ",".join(settings.segments)] if settings.segments is not None else []
    words += ["--seeds", str(settings.seeds)] if settings.seeds != plain.seeds else []
    for name, values in (("curve", settings.curve), ("doses", settings.doses)):
        words += [] if values == getattr(plain, name) else [f"--{name}={','.join(map(repr, values))}"]
    words += ["--patched", str(settings.patched)] if settings.patched else []
    return words + (["--seed", str(settings.seed)] if settings.seed else [])
