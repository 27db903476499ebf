"""Scale neurons of a search while the model reads and writes free text."""

from app.domain.runs import Lane
from app.kinds.base import Kind
from app.kinds.clusters.question import KEY as SEARCH
from app.kinds.places import Place
from app.kinds.writing.ask import WritingAsk
from app.kinds.writing.question import KEY, WritingForm, WritingLook, WritingQuestion
from app.kinds.writing.report import WritingReport
from app.kinds.writing.work import WritingWork

KIND: Kind[WritingQuestion, WritingForm, WritingLook] = Kind(
    key=KEY,
    version=1,
    title="Free text with scaled neurons",
    noun="free text",
    about="what a search's neurons do to answers of several words, and to what the model writes",
    gives=frozenset(),
    ask=WritingAsk(),
    work=WritingWork,
    report=WritingReport,
    Look=WritingLook,
    lane_of=lambda question: Lane.INTERACTIVE if len(question.prompts) == 1 else Lane.BATCH,
    unit="texts",
    address="/writing",
    place=Place.ABLE,
    heading="What do these neurons do to free text?",
    help="Gold answers are read token by token with a search's neurons scaled, the model writes with them scaled and "
    "without, and the perplexity of an unrelated text tells side effects; beside random neurons of the same blocks.",
    send="Read and write",
    reads=SEARCH,
    offers={SEARCH: "What do they do to free text?"},
)
