"""One query of a study: its ranking intact and with a set gone, and the study's rankings as TREC runs."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.analysis.outcomes import PROBABILITY, SCORE, behind
from app.analysis.ranking import order
from app.domain.errors import NotFound
from app.domain.results import SettingRow
from app.domain.runs import Run, RunState
from app.kinds.study.table import name_of
from app.store.datasets import Datasets
from app.store.results import Results


@dataclass(frozen=True)
class Moved:
    """A passage before and after; ranks count from 1, ties by passage id. ``grade`` is None where unjudged."""

    key: str
    text: str
    grade: int | None
    rank_before: int
    rank_after: int
    score_before: float
    score_after: float
    probability_before: float
    probability_after: float


@dataclass(frozen=True)
class QueryMoves:
    """A query's page within a study.

    Args:
        unread: candidates without a text, in the order in which they stand behind all others.
        missing: the dataset that holds the texts, where it is not in this database; else empty.
        earlier, later: neighbours in the plan.
    """

    run: Run
    setting: SettingRow
    name: str
    query: str
    text: str
    passages: tuple[Moved, ...]
    unread: tuple[str, ...]
    missing: str
    earlier: str
    later: str


def query_moves(
    run: Run, results: Results, data: Datasets, query: str, ordinal: int, names: Mapping[str, str]
) -> QueryMoves:
    """The query's candidates intact and under a setting, in the intact order; ``names`` are those of its inputs.

    Raises:
        NotFound: no such query or setting, or it was not answered.
    """
    keys = [str(row[0]) for row in run.plan.get("queries", ())]
    rows = {row.ordinal: row for row in results.settings(run.id)}
    if query not in keys or ordinal not in rows:
        raise NotFound("a query and a set of this study", f"'{query}', setting {ordinal}", "Choose from its page.")
    first = sum(int(row[1]) for row in run.plan["queries"][: keys.index(query)])
    pairs = [pair for pair in run.plan["pairs"] if pair[0] == query]
    answers = results.responses(run.id, {0, ordinal})
    dataset = data.by_hash(run.spec.settings["evaluation"]["dataset"])
    texts: dict[str, str] = {}
    if dataset is not None:
        texts = data.texts(dataset.id, "passage", {pair[1] for pair in pairs})
        texts |= {"": data.texts(dataset.id, "query", {query}).get(query, "")}
    try:
        both = [[answers[at][first + item] for item in range(len(pairs))] for at in (0, ordinal)]
    except KeyError as error:
        raise NotFound("a query that was answered", f"'{query}'", "Resume the study.") from error
    ranks = []
    for answer in both:
        placed = order({pair[1]: float(row[SCORE]) for pair, row in zip(pairs, answer, strict=True)})
        ranks.append({key: at for at, key in enumerate(placed, start=1)})
    moved = [
        Moved(
            key,
            texts.get(key, f"passage {key}"),
            grade,
            ranks[0][key],
            ranks[1][key],
            float(both[0][at][SCORE]),
            float(both[1][at][SCORE]),
            float(both[0][at][PROBABILITY]),
            float(both[1][at][PROBABILITY]),
        )
        for at, (_, key, grade) in enumerate(pairs)
    ]
    here = keys.index(query)
    return QueryMoves(
        run,
        rows[ordinal],
        name_of(rows[ordinal], names),
        query,
        texts.get("", ""),
        tuple(sorted(moved, key=lambda passage: passage.rank_before)),
        tuple(key for key in run.plan.get("whole", {}).get(query, ()) if key not in ranks[0]),
        "" if dataset is not None else str(run.spec.settings["evaluation"]["name"]),
        keys[here - 1] if here else "",
        keys[here + 1] if here + 1 < len(keys) else "",
    )


def trec_run(run: Run, results: Results, ordinal: int) -> str:
    """The rankings under a setting as a TREC run: query, Q0, passage, rank, score, tag. Candidates that could not be
    read stand behind all others, with scores below theirs.

    Raises:
        NotFound: no such setting.
    """
    rows = {row.ordinal: row for row in results.settings(run.id)}
    if ordinal not in rows:
        raise NotFound("a setting of this study", str(ordinal), "Choose one from its table.")
    answers = results.responses(run.id, {ordinal}).get(ordinal, {})
    lists: dict[str, dict[str, float]] = {}
    for item, (query, passage, _) in enumerate(run.plan["pairs"]):
        if item in answers:
            lists.setdefault(query, {})[passage] = float(answers[item][SCORE])
    if run.state is RunState.DONE:
        lists |= {query: behind(lists.get(query, {}), whole) for query, whole in run.plan.get("whole", {}).items()}
    tag = f"golgi-run-{run.id}-setting-{ordinal}"
    lines = [
        f"{query} Q0 {passage} {rank} {scores[passage]!r} {tag}"
        for query, scores in lists.items()
        for rank, passage in enumerate(order(scores), start=1)
    ]
    return "\n".join(lines) + "\n"
