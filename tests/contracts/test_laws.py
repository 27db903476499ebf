"""Laws of the house that a script can read."""

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path for path in (ROOT / "app").rglob("*.py") if "migrations" not in path.parts]


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_files_and_functions_are_short() -> None:
    long_files = [str(p) for p in SOURCES if p.read_text(encoding="utf-8").count("\n") > 300]
    assert long_files == []
    long = [(p.name, f.name) for p in SOURCES for f in functions(p) if (f.end_lineno or 0) - f.lineno + 1 > 60]
    assert long == []


def test_functions_are_short_in_the_middle() -> None:
    sizes = sorted((f.end_lineno or 0) - f.lineno + 1 for p in SOURCES for f in functions(p))
    assert sizes[len(sizes) // 2] <= 12


def test_nothing_prints() -> None:
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [
            node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
        ]
        assert not calls, path


def test_pages_name_no_other_host() -> None:
    for path in (ROOT / "frontend").rglob("*"):
        if path.suffix in (".html", ".css", ".js") and not path.name.endswith(".min.js"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r'(?:src|href|url\(|@import|fetch\()\s*=?\s*["\']?(?:https?:)?//', text), path


def test_no_machine_paths() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    words = ["/" + "work/", "/" + "root/", "/tmp/" + "bash"]
    for name in tracked:
        path = ROOT / name
        if (
            path.is_file()
            and path.suffix in (".py", ".md", ".html", ".toml", ".yml", ".json", "")
            and path.stat().st_size < 10**6
        ):
            text = path.read_text(encoding="utf-8", errors="ignore")
            assert not [word for word in words if word in text], name


def test_every_test_can_fail() -> None:
    for path in (ROOT / "tests").rglob("test_*.py"):
        for function in functions(path):
            if function.name.startswith("test_"):
                body = ast.unparse(function)
                assert "assert" in body or "raises" in body, (path.name, function.name)


def test_import_rules() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
