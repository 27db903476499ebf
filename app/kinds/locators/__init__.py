"""Compare ways to locate the neurons of an answer."""

from app.domain.runs import Lane
from app.kinds.base import Kind
from app.kinds.clusters.question import KEY as SEARCH
from app.kinds.locators.ask import LocatorsAsk
from app.kinds.locators.question import KEY, LocatorsForm, LocatorsLook, LocatorsQuestion
from app.kinds.locators.report import LocatorsReport
from app.kinds.locators.work import LocatorsWork
from app.kinds.places import Place

KIND: Kind[LocatorsQuestion, LocatorsForm, LocatorsLook] = Kind(
    key=KEY,
    version=1,
    title="Agreement of locators",
    noun="agreement of locators",
    about="whether patching, switching off and integrated gradients find the same neurons",
    gives=frozenset(),
    ask=LocatorsAsk(),
    work=LocatorsWork,
    report=LocatorsReport,
    Look=LocatorsLook,
    lane_of=lambda question: Lane.BATCH,
    unit="queries",
    address="/locators",
    place=Place.MUCH,
    heading="Do other methods find the same neurons?",
    help="Query-relevant neurons, random and common ones are patched and switched off one by one, and scored by "
    "integrated gradients; told is how far the orders agree, and whose sets move the answer most.",
    send="Compare",
    reads=SEARCH,
    offers={SEARCH: "Do other methods agree? Compare"},
)
