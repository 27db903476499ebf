"""Search for query-relevant neurons over a question set."""

from app.domain.runs import Lane
from app.kinds.base import Kind
from app.kinds.clusters.ask import ClustersAsk
from app.kinds.clusters.question import KEY, ClustersForm, ClustersLook, ClustersQuestion
from app.kinds.clusters.report import ClustersReport
from app.kinds.clusters.work import ClustersWork
from app.kinds.places import Place

KIND: Kind[ClustersQuestion, ClustersForm, ClustersLook] = Kind(
    key=KEY,
    version=1,
    title="Query-relevant neurons",
    noun="query-relevant neurons",
    about="which neurons matter for a query and for few others",
    gives=frozenset({"ranking", "neurons"}),
    ask=ClustersAsk(),
    work=ClustersWork,
    report=ClustersReport,
    Look=ClustersLook,
    lane_of=lambda question: Lane.BATCH,
    address="/clusters",
    place=Place.WHICH,
    heading="Which neurons matter for these queries?",
    help="Scores every prompt of a question set, gathers each query's strongest neurons, and takes out those that show "
    "up for most queries.",
    send="Find them",
    offers={"questions": "Which neurons matter for these queries?"},
)
