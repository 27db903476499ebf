"""Attribute over a sample of a dataset."""

from app.domain.runs import Lane
from app.kinds.attribute.ask import AttributeAsk
from app.kinds.attribute.question import KEY, AttributeForm, AttributeLook, AttributeQuestion
from app.kinds.attribute.report import AttributeReport
from app.kinds.attribute.work import AttributeWork
from app.kinds.base import Kind
from app.kinds.places import Place

KIND: Kind[AttributeQuestion, AttributeForm, AttributeLook] = Kind(
    key=KEY,
    version=1,
    title="Dataset attribution",
    noun="dataset attribution",
    about="which neurons matter over a dataset",
    gives=frozenset({"ranking"}),
    ask=AttributeAsk(),
    work=AttributeWork,
    report=AttributeReport,
    Look=AttributeLook,
    lane_of=lambda question: Lane.BATCH,
    unit="pairs",
    address="/attribute",
    place=Place.WHICH,
    heading="Which neurons matter on a dataset?",
    help="The mean over many pairs, with its spread: neurons that matter once and neurons that matter always fall "
    "apart.",
    send="Attribute",
    follows=("baselines",),
    offers={"dataset": "Which neurons matter here?", "compare": "Attribute over a dataset"},
)
