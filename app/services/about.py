"""What a reviewer asks of a run: how the numbers were made, in words, and every setting."""

from collections.abc import Mapping
from typing import Any

from app.domain.explaining import ExplainSettings
from app.domain.runs import Run
from app.services.requests import texts_hash


def paragraph_of(run: Run, title: str) -> str:
    """How the numbers were made, in neutral words."""
    if run.spec.kind == "ablate":
        return (
            "Activations of the chosen neurons were replaced in every forward pass, at the chosen tokens and in all "
            "layers at once; controls are random sets with the same number of neurons per layer, drawn without "
            "replacement with the stated seeds, the same number of lowest-ranked neurons, and the complement."
        )
    if run.spec.kind == "study":
        return _study_paragraph(run)
    params, env = run.spec.settings.get("params", {}), run.environment
    over = _sample_words(run) if run.spec.kind == "attribute" else ""
    if "steps" not in params:
        return f"{title} of {params.get('preset')} neurons; {over} {env.get('dtype', '')} on {env.get('device', '')}."
    return over + (
        f"{title} ({params.get('preset')} neurons, baseline {params.get('baseline')}, {params.get('rule')} rule, "
        f"{params.get('steps')} intervals, doubled up to {params.get('max_steps')} while the remainder at the last "
        f"block exceeded {params.get('tolerance')} of ΔF) of the "
        f"{run.plan.get('target', {}).get('sentence', 'target')}; "
        f"{params.get('aggregation')} over tokens; {env.get('dtype', '')} on {env.get('device', '')}."
    )


def _sample_words(run: Run) -> str:
    """The sample of an attribution, in a sentence."""
    asked = run.spec.settings["sample"]
    wanted = "relevant" if asked["relevance"] == "relevant" else "non-relevant"
    filtered = ", kept where the model classes them so" if asked["correct"] else ""
    grade = f"judged at least {asked['threshold']}" if wanted == "relevant" else "judged lower, or unjudged candidates"
    return (
        f"Mean over {run.facts.get('n', 0)} {wanted} pairs ({grade}) of {asked['name']}, part {asked['part']} of the "
        f"split by query id with seed {asked['split']['seed']}, drawn with seed {asked['seed']}{filtered}. "
    )


def about_of(run: Run) -> tuple[tuple[str, str], ...]:
    """Complete settings and circumstances, name and value; long lists by their length."""
    rows = [("fingerprint", run.fingerprint), ("kind", run.spec.kind), ("model", run.spec.model)]
    rows.append(("weights sha256", run.spec.weights_hash))
    if run.spec.kind == "explain":
        rows.append(("texts sha256", texts_hash(ExplainSettings.model_validate(run.spec.settings))))
    for name, value in run.spec.settings.items():
        rows.append((name, _text(value)))
    rows += [(f"plan: {name}", _text(value)) for name, value in run.plan.items() if name not in ("pairs", "shards")]
    rows += [(name, _text(value)) for name, value in run.environment.items()]
    rows.append(("created", f"{run.created:%Y-%m-%d %H:%M:%S} UTC"))
    rows.append(("seconds", "" if run.seconds is None else f"{run.seconds:.2f}"))
    return tuple(rows)


def _study_paragraph(run: Run) -> str:
    asked, anchors = run.spec.settings, run.facts.get("anchors", {})
    evaluation = asked["evaluation"]
    return (
        f"The first {evaluation['depth']} candidates of {run.facts.get('n', 0)} queries of {evaluation['name']} (part "
        f"{evaluation['part']}, split by query id with seed {evaluation['split']['seed']}) were scored with the model "
        "intact and with each neuron set edited in all layers at once. Metrics are those of ir-measures: passages are "
        "ordered by score, ties by passage id; passages without a judgement count as not relevant; nDCG has linear "
        "gain and the ideal order of all judged passages. Differences are paired by query: mean, 95 % bootstrap "
        "interval over queries (10,000 draws, percentile), two-sided sign-flip p (10,000 draws), Holm over all sets of "
        "the study. Random sets match the number of neurons of every layer and are drawn without replacement with the "
        f"stated seeds. Reference orders of the same candidates: {', '.join(anchors)}."
    )


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} = {v}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return " · ".join(map(str, value))
    return str(value)
