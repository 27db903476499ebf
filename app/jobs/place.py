"""Where a worker finds the model of a job that another process may have asked for."""

from collections.abc import Collection
from pathlib import Path

from app.domain.errors import GolgiError
from app.domain.runs import Job
from app.models.host import ModelHost
from app.models.loading import Hosts
from app.store.jobs import Jobs
from app.store.runs import Runs


class Places:
    """Models of jobs, as one worker sees them.

    Args:
        hosts: its models. jobs, runs: the queue and what it is about. worker: its name.
    """

    def __init__(self, hosts: Hosts, jobs: Jobs, runs: Runs, worker: str) -> None:
        self.hosts, self.jobs, self.runs, self.worker = hosts, jobs, runs, worker
        self.unseen: set[int] = set()

    def sees(self, job: Job) -> bool:
        """Whether a job's model is there; the job's log says once where it is not."""
        folder = job.payload.get("model_folder")
        seen = not folder or self.of(job) is not None
        if not seen and job.id not in self.unseen:
            self.unseen.add(job.id)
            self.jobs.log(job.id, f"{self.worker} does not see {folder} and leaves it to another worker")
        return seen

    def of(self, job: Job) -> str | None:
        """The name or path of a job's model; None where it is not seen."""
        if job.run_id is None:
            return place_of(self.hosts, job, job.payload["model"])
        spec = self.runs.get(job.run_id).spec
        return place_of(self.hosts, job, spec.source or spec.model, spec.weights_hash)

    def fits(self, job: Job, beside: Collection[ModelHost]) -> bool:
        """Whether a job's model has room beside others; what needs none fits."""
        needs = job.run_id is not None or job.what == "load"
        place = self.of(job) if needs and beside else None
        return place is None or self.hosts.fits(place, beside)


def place_of(hosts: Hosts, job: Job, name: str, weights: str = "") -> str | None:
    """The name or path of a job's model for this process; None where it does not see that model.

    A name means the same model in every process that has the same models folder. Elsewhere it counts where it leads to
    the weights that were asked about; else the folder itself is taken, where it is on this machine.

    Args:
        hosts: the models of this process. job: its payload tells the folder, as the process that asked saw it.
        name: of the model. weights: sha256 of the weights that the job was asked for; empty where any will do.
    """
    if not job.payload.get("model_folder"):
        return name
    folder = Path(job.payload["model_folder"])
    if folder.parent == hosts.root.resolve() or _same(hosts, name, folder, weights):
        return name
    if folder.is_dir():
        return str(folder)
    fetched = "/" in name and not Path(name).is_absolute() and not hosts.offline
    return name if fetched else None


def _same(hosts: Hosts, name: str, folder: Path, weights: str) -> bool:
    """Whether a name leads this process to a folder, or to the weights."""
    if not hosts.at_hand(name):
        return False
    try:
        return hosts.folder(name).resolve() == folder or (bool(weights) and hosts.hash(name) == weights)
    except (GolgiError, OSError):
        return False
