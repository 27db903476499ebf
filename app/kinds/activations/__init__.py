"""Look at what neurons do in texts: where they are active, and at which words."""

from app.domain.runs import Lane
from app.kinds.activations.ask import ActivationsAsk
from app.kinds.activations.question import KEY, ActivationsForm, ActivationsLook, ActivationsQuestion
from app.kinds.activations.report import ActivationsReport
from app.kinds.activations.work import ActivationsWork
from app.kinds.base import Kind
from app.kinds.places import Place

FEW = 50
"""Texts up to which somebody waits for it."""


def lane(question: ActivationsQuestion) -> Lane:
    """A few texts are read at once."""
    count = len(question.texts) or question.limit
    return Lane.INTERACTIVE if count <= FEW else Lane.BATCH


KIND: Kind[ActivationsQuestion, ActivationsForm, ActivationsLook] = Kind(
    key=KEY,
    version=1,
    title="Activations in texts",
    noun="activations in texts",
    about="what neurons do in the texts of a dataset",
    gives=frozenset({"neurons"}),
    ask=ActivationsAsk(),
    work=ActivationsWork,
    report=ActivationsReport,
    Look=ActivationsLook,
    lane_of=lane,
    unit="texts",
    address="/activations",
    place=Place.NEURON,
    heading="What do these neurons do in texts?",
    help="The activation at every token: strongest texts and words, how often it is above zero, and whether it tells "
    "relevant passages from others.",
    send="Read the texts",
    offers={
        "members": "What do they do in texts?",
        "listed": "What do they do in texts?",
        "firing": "What does it do in texts?",
        "dataset": "What do neurons do here?",
    },
)
