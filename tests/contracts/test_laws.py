"""Laws of the house that a script can read."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TypeGuard

from app.domain.targets import TARGETS
from app.kinds import kinds
from app.methods.base import methods

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path for path in (ROOT / "app").rglob("*.py") if "migrations" not in path.parts]
PAGE_FILES = [path for path in (ROOT / "frontend").rglob("*") if path.suffix in (".html", ".css", ".js", ".svg")]
TEXT = {".py", ".md", ".html", ".css", ".js", ".svg", ".toml", ".yml", ".json", ".mako", ".txt", ""}
LINT = "from importlinter.cli import lint_imports_command as c; c()"
Function = ast.FunctionDef | ast.AsyncFunctionDef

WRONG_IMPORTS = {
    "domain/sites.py": "import app.web.page, torch, sqlalchemy, fastapi, plotly, app.settings",
    "analysis/layers.py": "import app.models.host",
    "methods/second.py": "import app.methods.conductance",
    "models/architectures/decoders.py": "import app.models.architectures.encoders",
    "kinds/ablate/report.py": "import app.kinds.explain.report, torch",
    "cli/values.py": "import app.web.page",
    "web/pages/runs.py": "import app.web.pages.home",
}
"""One line per file that breaks a contract; together they break all."""


def functions(path: Path) -> list[Function]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def length(nodes: list[ast.stmt]) -> int:
    return (nodes[-1].end_lineno or 0) - nodes[0].lineno + 1 if nodes else 0


def files_of_the_project() -> list[Path]:
    """What git tracks; in an unpacked archive, everything but what tools leave behind."""
    asked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if names := [name for name in asked.stdout.split("\0") if name]:
        return [path for name in names if (path := ROOT / name).is_file()]
    left = {"build", "dist", "data", "models_cache", "__pycache__"}
    found = (path for path in ROOT.rglob("*") if path.is_file())
    return [path for path in found if not any(p in left or p[0] == "." for p in path.relative_to(ROOT).parts[:-1])]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", LINT], cwd=folder, capture_output=True, text=True, check=False)


def test_files_and_functions_are_short() -> None:
    assert [path.name for path in SOURCES if path.read_text(encoding="utf-8").count("\n") >= 300] == []
    assert [(path.name, f.name) for path in SOURCES for f in functions(path) if length([f]) > 60] == []


def test_the_middle_function_is_short() -> None:
    sizes = sorted(length([f]) for path in SOURCES for f in functions(path))
    assert sizes[len(sizes) // 2] < 12


def test_handlers_are_short() -> None:
    handlers = 0
    for path in (ROOT / "app/web/pages").glob("*.py"):
        for function in functions(path):
            if any(ast.unparse(one).startswith("router.") for one in function.decorator_list):
                handlers += 1
                assert length(function.body[1:]) <= 15, (path.name, function.name)
    assert handlers > 20


def test_nothing_prints_and_nothing_is_global() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"), path
            assert not isinstance(node, ast.Global), path


def test_only_a_kinds_own_room_knows_its_key() -> None:
    """No file outside ``app/kinds`` and ``frontend/kinds`` holds a kind's key, but for what makes the recorded runs."""
    keys = set(kinds())
    assert len(keys) >= 4
    for path in SOURCES:
        place = path.relative_to(ROOT / "app").parts[0]
        texts = {node.value for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if is_text(node)}
        assert place == "kinds" or not texts & keys, (path, texts & keys)
    for path in (ROOT / "frontend").rglob("*.html"):
        if "kinds" not in path.relative_to(ROOT / "frontend").parts:
            named = re.findall(rf"""['"](?:{"|".join(keys)})(?:_\w+)?['"]""", path.read_text(encoding="utf-8"))
            assert not named, (path, named)


def test_only_methods_know_their_keys() -> None:
    keys = set(methods()) - set(TARGETS)
    assert len(keys) >= 3
    for path in SOURCES:
        texts = {node.value for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if is_text(node)}
        place = path.relative_to(ROOT / "app").parts[0]
        assert place == "methods" or not texts & keys, (path, texts & keys)


def is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_no_clever_one_liners() -> None:
    """Nothing is squeezed to stay under a law of length: no named lambdas, no conditional merges, no narrowing by
    assertion."""
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert "noqa: E731" not in text and "assert isinstance" not in text, path
        for node in ast.walk(ast.parse(text)):
            merge = isinstance(node, ast.AugAssign) and isinstance(node.op, ast.BitOr)
            assert not (merge and isinstance(node.value, ast.IfExp)), (path, node.lineno)


def test_hooks_live_in_one_file() -> None:
    users = {str(p.relative_to(ROOT / "app")) for p in SOURCES if re.search(r"\.register_\w*hook\(", p.read_text())}
    assert users == {"models/trace.py"}


def test_pages_name_no_other_host() -> None:
    """No address of another host; the name of SVG's own notation and the link of Plotly's tool bar, which is off, are
    not fetched."""
    assert len(PAGE_FILES) > 20
    for path in PAGE_FILES:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        text = text.replace('href="https://plotly.com/"', "")
        if not path.name.endswith(".min.js"):
            assert not re.search(r"""https?://|["'(=]\s*//\w""", text), path
        assert not re.search(
            r"""(?:src|href)\s*=\s*\\?["']?(?:https?:)?//|@import|url\(\s*["']?(?:https?:)?//""", text
        ), path


def test_no_machine_paths() -> None:
    files = [path for path in files_of_the_project() if path.suffix in TEXT and path.stat().st_size < 2 * 10**6]
    assert len(files) > 100
    for path in files:
        text = path.read_text(encoding="utf-8", errors="ignore")
        assert not re.search(r"(?<![\w.])/(?:" + r"work|root|tmp|home)/[\w.]", text), path


def test_every_test_can_fail_and_is_told_apart() -> None:
    for path in (ROOT / "tests").rglob("test_*.py"):
        tests = [function for function in functions(path) if function.name.startswith("test_")]
        names = [function.name for function in tests]
        assert len(names) == len(set(names)), path.name
        for function in tests:
            assert re.search(r"\bassert(?:_\w+)?\b|\b(?:raises|fail)\(", ast.unparse(function)), (
                path.name,
                function.name,
            )


def test_tests_stand_where_the_code_stands() -> None:
    packages = {path.name for path in (ROOT / "app").iterdir() if path.is_dir()} | {"contracts", "browser"}
    for path in (ROOT / "tests").rglob("test_*.py"):
        name = path.stem.removeprefix("test_")
        assert path.parent.name in packages or (ROOT / "app" / f"{name}.py").is_file(), path


def test_import_rules_are_kept() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout[-2000:]


def test_import_rules_notice_a_wrong_import(tmp_path: Path) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__", "liveqa_med", "*.zip"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for name, line in WRONG_IMPORTS.items():
        with (tmp_path / "app" / name).open("a") as file:
            file.write(f"\n{line}\n")
    done = lint(tmp_path)
    assert done.returncode != 0
    unnoticed = [c["name"] for c in contracts if not re.search(rf"^{c['name']}( \(.*\))? BROKEN", done.stdout, re.M)]
    assert unnoticed == [], done.stdout[-3000:]


def test_lines_of_templates_are_read_without_scrolling() -> None:
    long = [
        (str(path.relative_to(ROOT)), number)
        for path in sorted((ROOT / "frontend").rglob("*.html"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(line) > 200
    ]
    assert long == []
