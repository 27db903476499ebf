"""The recipes of CONTRIBUTING.md do what they say: each adds only new files, and what it adds works."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"`((?:app|frontend)/[\w/]+\.\w+)`[^\n]*\n\n```\w+\n(.*?)```\n", re.S)
RECIPES = dict(BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))

USES = {
    "a kind": """
from fastapi.testclient import TestClient
from app.cli.parser import parser
from app.cli.values import values_of
from app.kinds import kind_of
run = golgi.services.requests.start("lengths", {"model": "tiny-bert", "texts": ["rain falls", "a b c"]})
golgi.worker.run_once()
client = TestClient(golgi.app())
page = client.get(f"/runs/{run.id}").text
assert "The longest of 2 texts has 3 tokens." in page and "<li>2 tokens</li>" in page
assert client.get(f"/runs/{run.id}.json").json()["lengths"]["lengths"] == [2, 3]
assert client.get(f"/runs/{run.id}/export/csv").text.splitlines() == ["text,tokens", "rain falls,2", "a b c,3"]
form = client.get("/lengths").text
assert "How long are they?" in form and 'name="special"' in form and "count special tokens" in form
sent = client.post("/lengths", data={"model": "tiny-bert", "texts": "a b", "flags": "1"}, follow_redirects=False)
assert sent.status_code == 303, sent.text
assert client.post("/api/v1/lengths", json={"model": "tiny-bert", "texts": ["a"]}).status_code == 202
assert "count of tokens" in client.get("/runs").text
words = golgi.services.pages.run(run.id).command
import shlex
args = parser().parse_args(shlex.split(words)[1:])
assert golgi.services.requests.start("lengths", values_of(args, kind_of("lengths"))).id == run.id
assert client.post("/lengths", data={"model": "tiny-bert"}).status_code == 422
""",
    "a method": """
from fastapi.testclient import TestClient
values = {"model": "tiny-bert", "query": "rain", "passages": ["rain falls"], "method": "squares"}
run = golgi.services.requests.start("explain", values)
golgi.worker.run_once()
done = golgi.services.runs.get(run.id)
assert done.state.value == "done", done.error
client = TestClient(golgi.app())
assert "Squared activation" in client.get("/methods/squares").text
assert client.get(f"/runs/{run.id}").status_code == 200
assert client.post(f"/runs/{run.id}/ablate", data={"size": "5"}, follow_redirects=False).status_code == 303
golgi.worker.run_once()
assert golgi.services.runs.get(run.id + 1).state.value == "done"
""",
    "a task": """
from app.models.tasks import task_for, tasks
assert tasks()["regression"].heads == ("ForRegression",)
assert task_for(("regression",), "prompt") is tasks()["regression"]
""",
    "a family": """
from app.models.architectures import claim
family = claim("nearly-bert")
assert family.family == "Nearly BERT" and family.tiny(1, 40).num_hidden_layers == 2
from transformers import AutoModelForSequenceClassification
base = AutoModelForSequenceClassification.from_config(family.tiny(1, 40)).base_model
assert base.get_submodule(family.stacks[0].blocks) is not None and base.get_submodule(family.words) is not None
""",
    "a page": """
from fastapi.testclient import TestClient
client = TestClient(golgi.app())
assert "0 running, 0 waiting" in client.get("/hello").text
assert client.get("/hello.json").json() == {"running": 0, "waiting": 0}
""",
}
START = """
import json, sys, traceback
from pathlib import Path
import app
assert Path(app.__file__).parent.parent == Path.cwd(), "the copy is used"
from app.main import build
from app.settings import Settings
models, room, told = Path(sys.argv[1]), Path(sys.argv[2]), {}
for recipe, use in json.load(sys.stdin).items():
    data = room / recipe.replace(" ", "-")
    golgi = build(Settings(data_dir=data, models_dir=models, offline=True, device="cpu"), recorded=None)
    try:
        exec(use, {"golgi": golgi})
        told[recipe] = ""
    except Exception:
        told[recipe] = traceback.format_exc()
print(json.dumps(told))
"""
"""One interpreter runs every use: to start one takes longer than the use does."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with the files of every recipe, none of which was there before."""
    copy = tmp_path_factory.mktemp("tree")
    left_out = shutil.ignore_patterns("__pycache__", "*.zip")
    for name in ("app", "frontend"):
        shutil.copytree(ROOT / name, copy / name, ignore=left_out)
    for name, body in RECIPES.items():
        path = copy / name
        assert not path.exists(), name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")
    return copy


def test_every_recipe_is_there() -> None:
    assert len(RECIPES) == 11
    folders = {name.rsplit("/", 1)[0] for name in RECIPES}
    assert {
        "app/kinds/lengths",
        "app/methods",
        "app/models/tasks",
        "app/models/architectures",
        "app/web/pages",
    } <= folders


@pytest.fixture(scope="module")
def faults(tree: Path, models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What went wrong in the use of each recipe; nothing where it works."""
    done = subprocess.run(
        [sys.executable, "-c", START, str(models_dir), str(tmp_path_factory.mktemp("used"))],
        cwd=tree,
        env={"PYTHONPATH": str(tree), "PATH": "", "HOME": str(tree), "GOLGI_ALLOWED_HOSTS": "testserver"},
        input=json.dumps(USES),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize("recipe", list(USES))
def test_a_recipe_works(recipe: str, faults: dict[str, str]) -> None:
    assert faults[recipe] == "", faults[recipe][-3000:]


def test_recipes_are_as_clean_as_the_tree(tree: Path) -> None:
    files = [name for name in RECIPES if name.endswith(".py")]
    shutil.copy(ROOT / "pyproject.toml", tree)
    for words in (["check", *files], ["format", "--check", *files]):
        done = subprocess.run(["ruff", *words], cwd=tree, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
