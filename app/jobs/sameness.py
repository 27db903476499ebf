"""Whether a loaded model is the one that a run was started for."""

from app.domain.errors import GolgiError
from app.domain.model_card import ModelCard
from app.domain.runs import Run


def see_same(card: ModelCard, run: Run) -> None:
    """See that a loaded model is the one that a run was started for, so that no run mixes two.

    Raises:
        GolgiError: it has other weights, another configuration or tokenizer, or another precision.
    """
    changed = run.spec.changed_since(card.weights_hash, card.identity)
    if changed == ("precision",) and run.spec.identity and card.identity:
        raise GolgiError(
            f"the precision this run was started for, {run.spec.identity['precision']}",
            f"a worker that computes in {card.identity['precision']}",
            "Start a new run; or start the worker with that precision (GOLGI_DTYPE) and resume.",
        )
    if changed:
        what = " and ".join(changed)
        raise GolgiError(
            f"the {what} this run was started for",
            f"other {what} in the folder of '{run.spec.model}' now",
            f"Start a new run; or put the old {what} back and resume.",
        )
