"""What a language model would write next, and the tokens of proposed answers."""

from app.domain.runs import Lane
from app.kinds.base import Kind
from app.kinds.places import Place, Tab
from app.kinds.writes.ask import WritesAsk
from app.kinds.writes.question import KEY, WritesForm, WritesLook, WritesQuestion
from app.kinds.writes.report import WritesReport
from app.kinds.writes.work import WritesWork

KIND: Kind[WritesQuestion, WritesForm, WritesLook] = Kind(
    key=KEY,
    version=1,
    title="What it would write",
    noun="look at what a model would write",
    about="what a language model would write next, and the tokens of proposed answers",
    gives=frozenset(),
    ask=WritesAsk(),
    work=WritesWork,
    report=WritesReport,
    Look=WritesLook,
    lane_of=lambda question: Lane.INTERACTIVE,
    brief_of=lambda question: True,
    unit="prompts",
    address="/writes",
    place=Place.INPUT,
    tabs=(Tab(4, "What comes next"),),
    heading="What would the model write?",
    help="The likeliest next tokens of a prompt, and which tokens a proposed answer is, before any is explained.",
    send="Ask it",
    offers={"token": "What would it write?"},
)
