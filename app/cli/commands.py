"""What the commands do."""

import argparse
import json
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from fastapi.encoders import jsonable_encoder

from app.cli.get_model import get_model
from app.cli.server import say, serve, settings_of, worker
from app.cli.telling import Telling, jobs_of
from app.cli.values import values_of
from app.domain.errors import BadInput
from app.domain.runs import Run, RunState
from app.kinds import kind_of, kinds
from app.main import Golgi, build
from app.models.patching import save_scaled
from app.services.pages import RunView, is_open


def _ready(args: argparse.Namespace) -> Golgi:
    """A wired instance whose device is there."""
    golgi = build(settings_of(args))
    golgi.check_device()
    return golgi


def ask(args: argparse.Namespace) -> int:
    """Ask a kind's question, work on it, and print what came of it."""
    kind = kind_of(args.command)
    values = values_of(args, kind)
    golgi = _ready(args)
    return _finish(golgi, golgi.services.requests.start(kind.key, values), args.json)


def import_data(args: argparse.Namespace) -> int:
    """Bring a dataset in, and print its report."""
    golgi = build(settings_of(args))
    about = {name: getattr(args, name) for name in ("name", "domain", "licence", "source", "model", "depth")}
    job = golgi.services.datasets.bring(args.folder, {**about, "ir_dataset": args.ir_dataset})
    golgi.worker.only = frozenset({job.id})
    _until(golgi, lambda: not is_open(golgi.services.jobs.get(job.id)))
    done = golgi.services.jobs.get(job.id)
    if done.error:
        say(f"failed. Expected {done.error['expected']}; found {done.error['found']}. {done.error['remedy']}")
        return 1
    for line in done.log:
        say(line)
    report = golgi.services.datasets.imported(done).report
    for name, value in report.items():
        if name not in NOTED:
            say(f"  {name.replace('_', ' ')}: {value}")
    return 0


NOTED = ("notes", "duplicates", "empty", "faults")
"""Parts of a report that its notes tell with names."""


def import_questions(args: argparse.Namespace) -> int:
    """Bring a question set in, and print its report."""
    values = {name: getattr(args, name) for name in ("name", "licence", "source", "layout", "domain_by", "seed")}
    values["columns"] = dict(pair.partition("=")[::2] for pair in args.column)
    stored = build(settings_of(args)).services.questions.bring(args.file, values)
    say(f"{stored.name}: {stored.queries:,} queries, {stored.prompts:,} prompts, layout {stored.report['layout']}")
    for finding in stored.report["findings"]:
        if finding["count"]:
            examples = ", ".join(finding["examples"])
            say(f"  {finding['title']}: {finding['count']:,} ({finding['done']}), as {examples}")
    return 0


def keep_set(args: argparse.Namespace) -> int:
    """Save a group of a run's neurons as a set."""
    golgi = build(settings_of(args))
    look = dict(pair.partition("=")[::2] for pair in args.look)
    kept = golgi.services.keeping.keep(golgi.find(args.run).id, args.of, look, args.name)
    say(f"set {kept.id}, {kept.name}: {len(kept.members):,} neurons of {kept.model}")
    return 0


def export_model(args: argparse.Namespace) -> int:
    """Write a model whose neurons of a set are scaled for good."""
    golgi = _ready(args)
    neuron_set = golgi.services.sets.get(args.set)
    hosts = golgi.worker.hosts
    place = golgi.services.requests.desk.place(neuron_set.model)
    host = hosts.get(place)
    if host.card.weights_hash != neuron_set.weights_hash:
        way = "Put the old weights back."
        raise BadInput("the weights that the set was made for", "others in the folder", way, "set")
    space = host.space(neuron_set.preset)
    flat = np.asarray(sorted(space.flat(index) for index in neuron_set.indices), dtype=np.int64)
    folder = save_scaled(host, hosts.folder(place), args.output, space.split(flat), args.amount, neuron_set.text)
    say(f"{folder}: {len(flat):,} neurons of {neuron_set.name} multiplied by {args.amount:g}")
    return 0


def _finish(golgi: Golgi, run: Run, as_json: bool) -> int:
    """Do the run's job, and those of the runs that it reads, until it has ended (another worker may do it), then print
    it. Ctrl-C stops the run; what was finished of it is kept."""
    golgi.worker.only = jobs_of(golgi, run)
    beating = threading.Thread(target=golgi.worker._beat, daemon=True)
    beating.start()
    telling = Telling(golgi, run)
    telling.start()
    try:
        _work(golgi, run)
    except KeyboardInterrupt:
        _stop(golgi, run)
    finally:
        golgi.worker.closing.set()
        beating.join(timeout=5)
        telling.end()
        golgi.worker.registry.gone(golgi.worker.name)
    view = golgi.services.pages.run(run.id)
    if as_json:
        say(json.dumps(jsonable_encoder(view.twin()), ensure_ascii=False))
    else:
        _print(golgi, view)
    return 0 if view.run.state is RunState.DONE else 1


def _work(golgi: Golgi, run: Run) -> None:
    _until(golgi, lambda: golgi.services.runs.get(run.id).state not in (RunState.WAITING, RunState.RUNNING))


def _until(golgi: Golgi, over: Callable[[], bool]) -> None:
    """Work on the queue until something is over."""
    while not over():
        if not golgi.worker.run_once():
            golgi.worker.closing.wait(0.2)


def _stop(golgi: Golgi, run: Run) -> None:
    """Ask for a stop, and let go of the job where this process was at it, so that the stop is carried out."""
    jobs = golgi.services.jobs
    job = jobs.of_run(run.id)
    if job is not None and is_open(job):
        jobs.ask_stop(job.id)
        jobs.release(job.id, golgi.worker.name)
        _work(golgi, run)


def _print(golgi: Golgi, view: RunView) -> None:
    run, report = view.run, view.report
    say(f"run {run.id} ({run.fingerprint}): {run.title}" + (" (recorded)" if run.recorded else ""))
    if run.error:
        say(f"failed. Expected {run.error['expected']}; found {run.error['found']}. {run.error['remedy']}")
    for sentence in filter(None, report.sentences):
        say(sentence)
    for warning in report.warnings:
        say(f"note: {warning}")
    for line in report.lines():
        say(line)
    say(f"page: http://{golgi.settings.host}:{golgi.settings.port}/r/{run.fingerprint}")


def check_model(args: argparse.Namespace) -> int:
    """Load a model and print its self-checks."""
    golgi = _ready(args)
    card = golgi.worker.hosts.get(args.model).card
    golgi.worker.registry.remember(card)
    about = f"{card.layers} blocks, {card.parameters:,} parameters, {card.dtype} on {card.device}"
    say(f"{card.slug}: {card.family}, {about}")
    for row in card.checks:
        say(f"  {row.state:<7} {row.title}: {row.found}")
    return 0 if all(row.state == "ok" for row in card.checks) else 1


def export(args: argparse.Namespace) -> int:
    """Write a run in another format."""
    golgi = build(settings_of(args))
    body = golgi.services.exports.export(golgi.find(args.run).id, args.format)
    if args.output:
        _write(args.output, body)
        say(f"{args.output}: {len(body):,} bytes")
    else:
        sys.stdout.buffer.write(body)
    return 0


def _write(path: Path, body: bytes) -> None:
    try:
        path.write_bytes(body)
    except OSError as error:
        way = "Choose another file with --output."
        raise BadInput("a file that can be written", f"{path}: {error.strerror}", way, "output") from error


def bring(args: argparse.Namespace) -> int:
    """Open a run bundle."""
    if not args.file.is_file():
        raise BadInput("a run bundle (.zip)", f"no file {args.file.name}", "Give the path of the file.")
    run = build(settings_of(args)).services.exports.load_bundle(args.file.read_bytes())
    say(f"run {run.id} ({run.fingerprint}): {run.title}")
    return 0


def migrate(args: argparse.Namespace) -> int:
    """Bring the database to the newest version."""
    settings = settings_of(args)
    build(settings)
    say(f"{settings.url} is at the newest version")
    return 0


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "serve": serve,
    "worker": worker,
    **dict.fromkeys(kinds(), ask),
    "import-data": import_data,
    "import-questions": import_questions,
    "check-model": check_model,
    "get-model": get_model,
    "keep-set": keep_set,
    "export-model": export_model,
    "export": export,
    "import": bring,
    "migrate": migrate,
}
