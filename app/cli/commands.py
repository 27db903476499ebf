"""What the commands do."""

import argparse
import json
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
from fastapi.encoders import jsonable_encoder

from app.cli.server import say, serve, settings_of, worker
from app.cli.values import ablate_values, attribute_values, explain_values, split, study_values
from app.domain.errors import BadInput
from app.domain.runs import Run, RunState
from app.main import Golgi, build
from app.models.patching import save_scaled
from app.services.pages import RunView
from app.services.run_view import ExplainView, job_open
from app.web.forms import passages_of, whole


def _ready(args: argparse.Namespace) -> Golgi:
    """A wired instance whose device is there."""
    golgi = build(settings_of(args))
    golgi.check_device()
    return golgi


def explain(args: argparse.Namespace) -> int:
    """Explain, and print the result in a few lines."""
    golgi = _ready(args)
    passages = list(args.passage)
    if args.passages_file:
        passages += passages_of(_text(args.passages_file))
    run = golgi.services.requests.explain(args.model, explain_values(args, passages))
    return _finish(golgi, run, args.json)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        found = error.strerror if isinstance(error, OSError) else "another encoding"
        raise BadInput(
            "a UTF-8 text file", f"{path}: {found}", "Give the path of a text file.", "passages-file"
        ) from error


def ablate(args: argparse.Namespace) -> int:
    """Switch neurons off, and print before and after."""
    golgi = _ready(args)
    run = golgi.services.requests.ablate(golgi.find(args.run), ablate_values(args))
    return _finish(golgi, run, args.json)


def attribute(args: argparse.Namespace) -> int:
    """Attribute over a dataset, and print the strongest neurons."""
    golgi = _ready(args)
    return _finish(golgi, golgi.services.measures.attribute(args.model, attribute_values(args)), args.json)


def study(args: argparse.Namespace) -> int:
    """Ablate on a dataset, and print what was found."""
    golgi = _ready(args)
    sources = [golgi.find(text) for text in split(args.sources)]
    values = study_values(args)
    values["sets"] = [*values.get("sets", ()), *(whole("sets", text) for text in split(args.sets))]
    run = golgi.services.measures.study(args.model, values, sources, controls=not args.no_controls)
    return _finish(golgi, run, args.json)


def import_data(args: argparse.Namespace) -> int:
    """Bring a dataset in, and print its report."""
    golgi = build(settings_of(args))
    about = {name: getattr(args, name) for name in ("name", "domain", "licence", "source", "model", "depth")}
    job = golgi.services.datasets.bring(args.folder, {**about, "ir_dataset": args.ir_dataset})
    _until(golgi, lambda: not job_open(golgi.services.jobs.get(job.id)))
    done = golgi.services.jobs.get(job.id)
    if done.error:
        say(f"failed. Expected {done.error['expected']}; found {done.error['found']}. {done.error['remedy']}")
        return 1
    say(done.log[-1])
    for name, value in golgi.services.datasets.page(args.name).dataset.report.items():
        say(f"  {name.replace('_', ' ')}: {value}")
    return 0


def export_model(args: argparse.Namespace) -> int:
    """Write a model whose neurons of a set are scaled for good."""
    golgi = _ready(args)
    found = golgi.services.sets.get(args.set)
    hosts = golgi.worker.hosts
    place = golgi.services.catalogue.place(found.model)
    host = hosts.get(place)
    if host.card.weights_hash != found.weights_hash:
        way = "Put the old weights back."
        raise BadInput("the weights that the set was made for", "others in the folder", way, "set")
    space = host.space(found.preset)
    flat = np.asarray(sorted(space.flat(index) for index in found.indices), dtype=np.int64)
    folder = save_scaled(host, hosts.folder(place), args.output, space.split(flat), args.amount, found.text)
    say(f"{folder}: {len(flat):,} neurons of {found.name} multiplied by {args.amount:g}")
    return 0


def _finish(golgi: Golgi, run: Run, as_json: bool) -> int:
    """Work the queue until the run has ended (another worker may do it), then print it. Ctrl-C stops the run; what
    was finished of it is kept."""
    beating = threading.Thread(target=golgi.worker._beat, daemon=True)
    beating.start()
    try:
        _work(golgi, run)
    except KeyboardInterrupt:
        _stop(golgi, run)
    finally:
        golgi.worker.closing.set()
        beating.join(timeout=5)
        golgi.worker.registry.gone(golgi.worker.name)
    view = golgi.services.pages.run(run.id)
    if as_json:
        say(json.dumps(jsonable_encoder(asdict(view)), ensure_ascii=False))
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
    if job is not None and job_open(job):
        jobs.ask_stop(job.id)
        jobs.release(job.id, golgi.worker.name)
        _work(golgi, run)


def _print(golgi: Golgi, view: RunView) -> None:
    run = view.run
    say(f"run {run.id} ({run.fingerprint}): {run.title}" + (" (recorded)" if run.recorded else ""))
    if run.error:
        say(f"failed. Expected {run.error['expected']}; found {run.error['found']}. {run.error['remedy']}")
    for sentence in filter(None, view.sentences):
        say(sentence)
    for warning in view.inner.warnings:
        say(f"note: {warning}")
    if view.explain:
        _print_seen(view.explain)
    for line in (view.explain.top if view.explain else view.attribute.top if view.attribute else ())[:10]:
        say(f"  {line.id:<16} {line.score:+.4g}")
    for item in view.ablate.items if view.ablate else ():
        before, after = item.before, item.after
        say(f"  {item.rank_before} -> {item.rank_after}  score {before['score']:.4g} -> {after['score']:.4g}")
    say(f"page: http://{golgi.settings.host}:{golgi.settings.port}/r/{run.fingerprint}")


def _print_seen(view: ExplainView) -> None:
    """The target, a line per passage where there are several, and what was cut off."""
    if view.target:
        say(f"explaining {view.target}")
    for item in sorted(view.items, key=lambda one: one.rank):
        if len(view.items) > 1:
            say(f"  {item.rank}. score {item.values['score']:.4g}: {item.text.strip()[:70]!r}")
        seen = item.seen
        cut = seen.get("cut_query", 0) + seen.get("cut_passage", 0)
        if cut:
            say(f"note: input {item.number + 1}: {cut} tokens did not fit into {seen['max_length']} and were cut off")


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
    "explain": explain,
    "ablate": ablate,
    "attribute": attribute,
    "study": study,
    "import-data": import_data,
    "check-model": check_model,
    "export-model": export_model,
    "export": export,
    "import": bring,
    "migrate": migrate,
}
