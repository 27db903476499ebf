"""Explain one pair, one query with up to 50 passages, or one prompt."""

from app.domain.runs import Lane
from app.kinds.base import Door, Kind
from app.kinds.explain.ask import ExplainAsk
from app.kinds.explain.question import KEY, ExplainForm, ExplainLook, ExplainQuestion
from app.kinds.explain.report import ExplainReport
from app.kinds.explain.work import ExplainWork
from app.kinds.places import Place, Tab


def brief(question: ExplainQuestion) -> bool:
    """One pair, one prompt, or two passages against each other; a ranking is a pair for each passage."""
    return len(question.groups) == 1


KIND: Kind[ExplainQuestion, ExplainForm, ExplainLook] = Kind(
    key=KEY,
    version=1,
    title="Explanation",
    noun="explanation",
    about="explain a query with passages, or a prompt",
    gives=frozenset({"ranking"}),
    ask=ExplainAsk(),
    work=ExplainWork,
    report=ExplainReport,
    Look=ExplainLook,
    lane_of=lambda question: Lane.INTERACTIVE,
    brief_of=brief,
    address="/explain",
    place=Place.INPUT,
    tabs=(
        Tab(0, "Query and passage", "pair", "query"),
        Tab(1, "Ranking of passages", "ranking"),
        Tab(2, "Prompt", "prompt", "prompt"),
        Tab(5, "Text", "prompt", "text"),
        Tab(6, "Question and context", "pair", "question"),
    ),
    preview="seen",
    heading="Explain",
    offers={
        "model": "Explain with it",
        "neuron": "Explain its activation by the neurons below it",
        "example": "Explain the demo pair",
        "any_model": "Use it",
        "pair": "Explain",
        "against": "Why does the first beat the second?",
        "list": "Explain this list",
        "prompt": "Explain this prompt",
    },
    doors=(
        Door(
            "Explain one input",
            "A query with a passage, or a prompt of a causal model: neurons, layers, words.",
            "?demo=pair",
        ),
        Door(
            "Explain a small ranking",
            "One query with 2 to 50 passages. Switch neurons off and see the order change.",
            "?demo=ranking",
        ),
    ),
)
