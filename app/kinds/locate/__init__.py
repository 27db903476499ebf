"""The neurons of one query that is typed by hand."""

from app.domain.runs import Lane
from app.kinds.base import Kind
from app.kinds.clusters.question import KEY as SEARCH
from app.kinds.locate.ask import LocateAsk
from app.kinds.locate.question import KEY, LocateForm, LocateLook, LocateQuestion
from app.kinds.locate.report import LocateReport
from app.kinds.locate.work import LocateWork
from app.kinds.places import Place, Tab

KIND: Kind[LocateQuestion, LocateForm, LocateLook] = Kind(
    key=KEY,
    version=1,
    title="Neurons of one query",
    noun="neurons of one query",
    about="which neurons matter for one query, and what its answer is without them",
    gives=frozenset({"ranking"}),
    ask=LocateAsk(),
    work=LocateWork,
    report=LocateReport,
    Look=LocateLook,
    lane_of=lambda question: Lane.INTERACTIVE,
    unit="wordings",
    address="/locate",
    place=Place.INPUT,
    tabs=(Tab(3, "Question, with or without choices"),),
    heading="Which neurons matter for one query?",
    help="A query in several wordings, each a prompt with the one token that should follow. All but the last find "
    "neurons; every one is answered with them switched off and doubled.",
    send="Find them",
    reads=SEARCH,
    offers={"wordings": "Its neurons"},
)
