"""What the commands do."""

import argparse
import json
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import uvicorn
from fastapi.encoders import jsonable_encoder

from app.cli.parser import all_fields
from app.domain.errors import BadInput, Conflict, NotFound
from app.domain.runs import Run, RunState
from app.main import Golgi, build
from app.settings import Settings
from app.web.forms import passages_of, size_of

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def settings_of(args: argparse.Namespace) -> Settings:
    """Settings from the environment, with the command line on top."""
    names = ("data_dir", "models_dir", "device", "offline", "host", "port")
    given = {name: getattr(args, name, None) for name in names}
    return Settings(**{name: value for name, value in given.items() if value is not None})


def say(text: str) -> None:
    """A line for the person at the terminal."""
    sys.stdout.write(text + "\n")


def serve(args: argparse.Namespace) -> int:
    """Start the dashboard and, unless told otherwise, a worker in the same process."""
    settings = settings_of(args)
    if settings.host not in LOOPBACK and not settings.token:
        raise Conflict(
            "an access token when listening on other addresses than this machine's own",
            f"host {settings.host} and no token",
            "Set GOLGI_TOKEN, or leave --host out.",
        )
    _check_port(settings)
    golgi = build(settings)
    thread = None if args.no_worker else golgi.start_worker()
    say(f"Golgi is at http://{settings.host}:{settings.port}{settings.root_path}  (Ctrl-C ends it)")
    say(f"models: {settings.models_dir}   data: {settings.url}")
    try:
        uvicorn.run(
            golgi.app(), host=settings.host, port=settings.port, log_level="warning", root_path=settings.root_path
        )
    finally:
        golgi.worker.closing.set()
        if thread is not None:
            thread.join(timeout=10)
    return 0


def _check_port(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host if settings.host != "localhost" else "127.0.0.1", settings.port))
        except OSError as error:
            raise Conflict(
                f"port {settings.port} to be free", "a program that uses it", "Choose another one with --port."
            ) from error


def worker(args: argparse.Namespace) -> int:
    """Run jobs until interrupted."""
    golgi = build(settings_of(args))
    say(f"worker {golgi.worker.name} on {golgi.worker.hosts.device}; Ctrl-C ends it")
    thread = golgi.start_worker()
    try:
        while thread.is_alive():
            thread.join(timeout=0.5)
    except KeyboardInterrupt:
        golgi.worker.closing.set()
        thread.join(timeout=30)
    return 0


def explain(args: argparse.Namespace) -> int:
    """Explain, and print the result in a few lines."""
    golgi = build(settings_of(args))
    passages = list(args.passage)
    if args.passages_file:
        passages += passages_of(args.passages_file.read_text(encoding="utf-8"))
    run = golgi.services.requests.explain(args.model, explain_values(args, passages))
    return _finish(golgi, run, args.json)


def explain_values(args: argparse.Namespace, passages: list[str]) -> dict[str, Any]:
    """Values of an explanation from the command line."""
    given = {field.name: getattr(args, field.name) for field in all_fields()}
    target = {"name": args.target, "label": args.label, "token": args.token}
    return {
        "query": args.query,
        "passages": passages,
        "method": args.method,
        "params": {name: value for name, value in given.items() if value is not None},
        "target": target,
        "max_length": args.max_length,
    }


def ablate(args: argparse.Namespace) -> int:
    """Switch neurons off, and print before and after."""
    golgi = build(settings_of(args))
    run = golgi.services.requests.ablate(find(golgi, args.run), ablate_values(args))
    return _finish(golgi, run, args.json)


def ablate_values(args: argparse.Namespace) -> dict[str, Any]:
    """Values of an ablation from the command line."""
    split: Callable[[str], list[str]] = lambda text: [part.strip() for part in text.split(",") if part.strip()]  # noqa: E731
    selection: dict[str, Any] = {"rank": args.rank, "part": args.part}
    selection |= {"neurons": split(args.neurons)} if args.rank == "hand" else size_of(args.top)
    if args.layers:
        selection["layers"] = [int(layer) for layer in split(args.layers)]
    values: dict[str, Any] = {"selection": selection, "op": args.op, "seeds": args.seeds, "seed": args.seed}
    values |= {"amount": args.amount} if args.op == "scale" else {}
    return values | ({"segments": split(args.segments)} if args.segments else {})


def find(golgi: Golgi, text: str) -> Run:
    """A run by number or fingerprint.

    Raises:
        NotFound: there is none.
    """
    run = golgi.services.runs.by_fingerprint(text)
    if run is None and text.isdigit():
        run = golgi.services.runs.get(int(text))
    if run is None:
        raise NotFound("the number or fingerprint of a stored run", f"'{text}'", "Look it up on the page of runs.")
    return run


def _finish(golgi: Golgi, run: Run, as_json: bool) -> int:
    """Work the queue until the run has ended (another worker may do it), then print it."""
    lease = threading.Thread(target=golgi.worker._beat, daemon=True)
    lease.start()
    while golgi.services.runs.get(run.id).state in (RunState.WAITING, RunState.RUNNING):
        if not golgi.worker.run_once():
            golgi.worker.closing.wait(0.2)
    golgi.worker.closing.set()
    view = golgi.services.pages.run(run.id)
    if as_json:
        say(json.dumps(jsonable_encoder(asdict(view)), ensure_ascii=False))
    else:
        _print(golgi, view)
    return 0 if view.run.state is RunState.DONE else 1


def _print(golgi: Golgi, view: Any) -> None:
    run = view.run
    say(f"run {run.id} ({run.fingerprint}): {run.title}")
    if run.error:
        say(f"failed. Expected {run.error['expected']}; found {run.error['found']}. {run.error['remedy']}")
    inner = view.explain or view.ablate
    if inner.sentence:
        say(inner.sentence)
    if view.explain:
        for line in view.explain.top[:10]:
            say(f"  {line.id:<16} {line.score:+.4g}")
    if view.ablate:
        for item in view.ablate.items:
            before, after = item.before, item.after
            say(f"  {item.rank_before} -> {item.rank_after}  score {before['score']:.4g} -> {after['score']:.4g}")
    say(f"page: http://{golgi.settings.host}:{golgi.settings.port}/r/{run.fingerprint}")


def check_model(args: argparse.Namespace) -> int:
    """Load a model and print its self-checks."""
    golgi = build(settings_of(args))
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
    body = golgi.services.exports.export(find(golgi, args.run).id, args.format)
    if args.output:
        args.output.write_bytes(body)
        say(f"{args.output}: {len(body):,} bytes")
    else:
        sys.stdout.buffer.write(body)
    return 0


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
    "check-model": check_model,
    "export": export,
    "import": bring,
    "migrate": migrate,
}
