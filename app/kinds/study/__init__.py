"""Switch neuron sets off on whole candidate lists of a dataset, beside controls."""

from app.domain.runs import Lane
from app.kinds.base import Kind
from app.kinds.places import Place
from app.kinds.study.ask import StudyAsk
from app.kinds.study.question import KEY, StudyForm, StudyLook, StudyQuestion
from app.kinds.study.report import StudyReport
from app.kinds.study.work import StudyWork

KIND: Kind[StudyQuestion, StudyForm, StudyLook] = Kind(
    key=KEY,
    version=2,
    title="Ablation study",
    noun="ablation study",
    about="switch neuron sets off on a dataset",
    gives=frozenset({"answers", "comparisons"}),
    ask=StudyAsk(),
    work=StudyWork,
    report=StudyReport,
    Look=StudyLook,
    lane_of=lambda question: Lane.BATCH,
    unit="pairs",
    address="/study",
    place=Place.WHETHER,
    heading="Do they matter? An ablation study",
    help="Neuron sets are switched off while whole candidate lists are re-ranked, each beside random sets of the same "
    "size per layer.",
    send="Start the study",
    follows=("confirm",),
    offers={
        "set": "Do they matter? Study it",
        "cross": "Start a study",
        "sets": "study",
        "ranking": "Do they matter? Switch them off",
    },
)
