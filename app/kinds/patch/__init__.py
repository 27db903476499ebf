"""Write a model whose neurons are scaled for good."""

from app.domain.runs import Lane
from app.kinds.base import Kind
from app.kinds.patch.ask import PatchAsk
from app.kinds.patch.question import KEY, PatchForm, PatchLook, PatchQuestion
from app.kinds.patch.report import PatchReport
from app.kinds.patch.work import PatchWork
from app.kinds.places import Place

KIND: Kind[PatchQuestion, PatchForm, PatchLook] = Kind(
    key=KEY,
    version=1,
    title="Edited model",
    noun="edited model",
    about="write a model with the neurons of saved sets scaled for good",
    gives=frozenset(),
    ask=PatchAsk(),
    work=PatchWork,
    report=PatchReport,
    Look=PatchLook,
    lane_of=lambda question: Lane.BATCH,
    address="/patch",
    place=Place.ABLE,
    heading="A model with these neurons scaled",
    help="A copy of the model is written into the models folder, its neurons switched off, doubled or scaled for good.",
    send="Write the model",
    offers={"members": "Write a model with them switched off or doubled"},
)
