"""Average the weights of two legs of the re-ranker's training: ``python -m app.demo.average FIRST LAST --out FOLDER``.

Both folders must have the same parts and vocabulary; tokenizer and facts are taken from the last one.
"""

import argparse
import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file

WEIGHTS = "model.safetensors"


def average(first: Path, last: Path, out: Path, share: float) -> None:
    """Write ``share`` of the first leg's weights plus the rest of the last one's, in half precision.

    Raises:
        SystemExit: the folders hold different parts.
    """
    first_parts, last_parts = load_file(first / WEIGHTS), load_file(last / WEIGHTS)
    first_shapes = {name: part.shape for name, part in first_parts.items()}
    last_shapes = {name: part.shape for name, part in last_parts.items()}
    if first_shapes != last_shapes:
        raise SystemExit(f"expected legs of one training, found different parts in {first} and {last}")
    out.mkdir(parents=True, exist_ok=True)
    for path in last.iterdir():
        if path.name != WEIGHTS:
            shutil.copy(path, out / path.name)
    mixed = {
        name: (share * first_parts[name].float() + (1 - share) * last_parts[name].float()).half()
        for name in first_parts
    }
    save_file(mixed, out / WEIGHTS, metadata={"format": "pt"})


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=Path)
    parser.add_argument("last", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--share", type=float, default=0.35, help="of the first")
    args = parser.parse_args()
    average(args.first, args.last, args.out, args.share)


if __name__ == "__main__":
    main()
