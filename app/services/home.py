"""The first page: a recorded result that is drawn before anything is clicked, a prefilled question, and ways on."""

from dataclasses import dataclass

from app.data.demo import MODEL, Demo, Prefill, Study
from app.domain.runs import Run, RunState
from app.kinds import kind_of
from app.services.catalogue import Catalogue
from app.services.pages import Pages, RunView


@dataclass(frozen=True)
class Shown:
    """A recorded result: ``found`` ranks the neurons of one input, ``off`` switches them off."""

    found: RunView
    off: RunView

    @property
    def ids(self) -> tuple[int, int]:
        """Numbers of both runs."""
        return self.found.run.id, self.off.run.id


@dataclass(frozen=True)
class Here:
    """The models at hand: how many, their folder, and the names of those that can be asked."""

    count: int
    folder: str
    usable: tuple[str, ...]
    first: str


@dataclass(frozen=True)
class HomeView:
    """What the first page shows; ``shown`` is None, and tuples are empty, where nothing recorded is in the database."""

    pair: Prefill
    models: Here
    shown: Shown | None
    recorded: tuple[Run, ...]
    compared: tuple[Run, ...]
    studies: tuple[Study, ...]
    recent: tuple[Run, ...]


class Home:
    """Tells the first page."""

    def __init__(self, pages: Pages, demo: Demo, catalogue: Catalogue) -> None:
        self.pages, self.demo, self.catalogue = pages, demo, catalogue

    def stamp(self) -> str:
        """What changes whenever the page would: what is stored, and the models in their folder."""
        return f"{self.pages.library.stamp()} {self._here()}"

    def view(self) -> HomeView:
        """What it shows."""
        recorded, studies = self.pages.recorded(), self.demo.studies()
        shown = self._shown(recorded)
        told = {fingerprint for study in studies for fingerprint in study.runs}
        drawn = shown.ids if shown else ()
        return HomeView(
            pair=self.demo.pair(),
            models=self._here(),
            shown=shown,
            recorded=tuple(run for run in recorded if run.fingerprint not in told and run.id not in drawn),
            compared=self.pages.compared(),
            studies=studies,
            recent=self.pages.recent(),
        )

    def _here(self) -> Here:
        hosts = self.catalogue.hosts
        models = hosts.available()
        return Here(len(models), str(hosts.root), tuple(info.slug for info in models if not info.problem), MODEL)

    def _shown(self, recorded: tuple[Run, ...]) -> Shown | None:
        """The first recorded run of one input whose neurons a recorded run switches off."""
        for run in recorded:
            if _gives(run, "ranking") and kind_of(run.spec.kind).brief(run.spec.settings):
                users = [user for user in self.pages.runs.users(run.id) if user.recorded and _gives(user, "answers")]
                if users:
                    return Shown(self.pages.run(run.id), self.pages.run(users[0].id))
        return None


def _gives(run: Run, what: str) -> bool:
    """Whether a finished run gives something."""
    return run.state is RunState.DONE and what in kind_of(run.spec.kind).gives
