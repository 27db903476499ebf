"""Starting the dashboard and the worker, and the settings they start with."""

import argparse
import errno
import ipaddress
import signal
import socket
import sys
import threading

import uvicorn
from pydantic import ValidationError
from pydantic_settings import SettingsError

from app.domain.errors import BadInput, Conflict
from app.main import build
from app.settings import Settings


def settings_of(args: argparse.Namespace) -> Settings:
    """Settings from the environment, with the command line on top.

    Raises:
        BadInput: a setting that cannot be.
    """
    names = ("data_dir", "models_dir", "device", "offline", "host", "port")
    given = {name: getattr(args, name, None) for name in names}
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        wanted = f"{name}: {first['msg'].removeprefix('Input should be ')}"
        way = f"Correct --{name.replace('_', '-')} or GOLGI_{name.upper()}."
        raise BadInput(wanted, f"'{str(first.get('input'))[:60]}'", way, name) from error
    except SettingsError as error:
        raise BadInput("settings that can be read", str(error), "Correct the GOLGI_ variable.", "settings") from error


def say(text: str) -> None:
    """A line for the person at the terminal."""
    sys.stdout.write(text + "\n")


def serve(args: argparse.Namespace) -> int:
    """Start the dashboard and, unless told otherwise, a worker in the same process."""
    settings = settings_of(args)
    if not _own(settings.host) and not settings.token:
        raise Conflict(
            "an access token when listening on other addresses than this machine's own",
            f"host {settings.host} and no token",
            "Set GOLGI_TOKEN, or leave --host out.",
        )
    _check_port(settings)
    golgi = build(settings, wait=False)
    threading.Thread(target=golgi.take_in, name="recorded", daemon=True).start()
    thread = None if args.no_worker else golgi.start_worker()
    name = f"[{settings.host}]" if ":" in settings.host else settings.host
    say(f"Golgi is at http://{name}:{settings.port}{settings.root_path}  (Ctrl-C ends it)")
    say(f"models: {settings.models_dir}   data: {settings.url}")
    try:
        uvicorn.run(
            golgi.app(),
            host=settings.host,
            port=settings.port,
            log_level="warning",
            root_path=settings.root_path,
            proxy_headers=False,
        )
    finally:
        golgi.worker.closing.set()
        if thread is not None:
            thread.join(timeout=10)
    return 0


def _check_port(settings: Settings) -> None:
    host, port = settings.host, settings.port
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, number) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            conflict = Conflict(f"port {port} to be free", "a program that uses it", "Choose another one with --port.")
        else:
            way = "Choose another address with --host, or another port with --port."
            conflict = Conflict(f"to listen on {host}, port {port}", error.strerror or type(error).__name__, way)
        raise conflict from error


def _own(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def worker(args: argparse.Namespace) -> int:
    """Run jobs until Ctrl-C or SIGTERM; a job under way goes back to the queue behind its last shard."""
    golgi = build(settings_of(args))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: golgi.worker.closing.set())
    say(f"worker {golgi.worker.name} on {golgi.worker.hosts.device}; Ctrl-C ends it")
    thread = golgi.start_worker()
    while thread.is_alive() and not golgi.worker.closing.is_set():
        thread.join(timeout=0.5)
    thread.join(timeout=30)
    return 0
