"""``golgi`` on the command line."""

import logging
import os
import sys

from app.domain.errors import GolgiError


def main(arguments: list[str] | None = None) -> int:
    """Run a command; an error is one sentence and exit status 2."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", stream=sys.stderr)
    for noisy in ("alembic", "httpx", "transformers"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    from transformers.utils.logging import disable_progress_bar

    from app.cli.commands import COMMANDS
    from app.cli.parser import parser

    disable_progress_bar()
    args = parser().parse_args(arguments)
    try:
        return COMMANDS[args.command](args)
    except GolgiError as error:
        sys.stderr.write(f"golgi: {error}\n")
        return 2
    except OSError as error:
        place = error.filename or "a file or folder"
        sys.stderr.write(f"golgi: Expected to read and write {place}; found {error.strerror or error}. ")
        sys.stderr.write("Choose another folder, or change its rights.\n")
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
