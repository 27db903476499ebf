"""Read neurons as tokens: what they raise and lower."""

from app.domain.runs import Lane
from app.kinds.base import Kind
from app.kinds.places import Place
from app.kinds.readings.ask import ReadoutAsk
from app.kinds.readings.question import KEY, ReadoutForm, ReadoutLook, ReadoutQuestion
from app.kinds.readings.report import ReadoutReport
from app.kinds.readings.work import ReadoutWork

KIND: Kind[ReadoutQuestion, ReadoutForm, ReadoutLook] = Kind(
    key=KEY,
    version=1,
    title="Read-out of neurons",
    noun="read-out",
    about="which tokens neurons raise and lower",
    gives=frozenset({"neurons"}),
    ask=ReadoutAsk(),
    work=ReadoutWork,
    report=ReadoutReport,
    Look=ReadoutLook,
    lane_of=lambda question: Lane.INTERACTIVE,
    brief_of=lambda question: True,
    unit="neurons",
    address="/readings",
    place=Place.NEURON,
    heading="What do these neurons write?",
    help="Each neuron's column of the down-projection is read on the vocabulary, with and without the final norm.",
    send="Read them",
    offers={"members": "What do they write?", "reading": "Read its tokens"},
)
