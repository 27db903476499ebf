"""Broken model folders: every one is refused in a sentence that says what was expected, what was found, what to do."""

import html
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient
from safetensors.torch import load_file, save_file

from app.__main__ import main
from app.domain.errors import Unsupported
from app.main import Golgi, build
from app.models.loading import Hosts
from app.settings import Settings

INNER = (
    "Traceback",
    "Error(",
    "KeyError",
    "PyVocab",
    "'added_tokens'",
    "in the program",
    "HeaderTooLarge",
    "Exception",
)
"""What a library says to programmers."""


def changed(name: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """A change of the entries of a JSON file."""

    def apply(folder: Path) -> None:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
        change(content)
        (folder / name).write_text(json.dumps(content), encoding="utf-8")

    return apply


def config(**values: Any) -> Callable[[Path], None]:
    """Other entries of the configuration."""
    return changed("config.json", lambda content: content.update(values))


def tokenizer(**values: Any) -> Callable[[Path], None]:
    """Other entries of tokenizer.json; None takes one away."""

    def change(content: dict[str, Any]) -> None:
        content.update(values)
        for name in [name for name, value in values.items() if value is None]:
            del content[name]

    return changed("tokenizer.json", change)


def vocabulary(value: Any) -> Callable[[Path], None]:
    """Another vocabulary."""
    return changed("tokenizer.json", lambda content: content["model"].update(vocab=value))


def text(name: str, content: str | bytes) -> Callable[[Path], None]:
    """A file with this content."""
    raw = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(raw) and None  # type: ignore[func-returns-value]


def gone(*names: str) -> Callable[[Path], None]:
    """Files that are not there."""

    def apply(folder: Path) -> None:
        for name in names:
            (folder / name).unlink(missing_ok=True)

    return apply


def weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    """Other weights."""

    def apply(folder: Path) -> None:
        path = folder / "model.safetensors"
        tensors = {name: value.clone() for name, value in load_file(path).items()}
        change(tensors)
        save_file(tensors, path, {"format": "pt"})

    return apply


def filled(name: str, value: float) -> Callable[[Path], None]:
    """One weight that is no finite number."""
    return weights(lambda tensors: tensors[name].view(-1)[0].fill_(value))


def cut(share: float) -> Callable[[Path], None]:
    """The file of weights without its end."""

    def apply(folder: Path) -> None:
        path = folder / "model.safetensors"
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])

    return apply


def indexed(places: Any) -> Callable[[Path], None]:
    """An index of weights instead of the one file."""

    def apply(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
        (folder / "model.safetensors.index.json").write_text(
            json.dumps({"metadata": {}, "weight_map": places}), encoding="utf-8"
        )

    return apply


WORD = "bert.embeddings.word_embeddings.weight"
DENSE = "bert.encoder.layer.1.output.dense.weight"
BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "configuration gone": (gone("config.json"), "config.json"),
    "configuration empty": (text("config.json", ""), "which is empty"),
    "configuration without entries": (text("config.json", "{}"), "an empty one"),
    "configuration broken": (text("config.json", '{\n"model_type": "bert",\n'), "broken in line 3"),
    "configuration a list": (text("config.json", "[]"), "a JSON object"),
    "configuration no UTF-8": (text("config.json", b'{"a": "\xff\xfe"}'), "no UTF-8"),
    "family unknown": (config(model_type="reformer"), "reformer"),
    "family no text": (config(model_type=[1]), "one of the families"),
    "own code alone": (config(model_type="owned", auto_map={"AutoModel": "m.M"}), "auto_map"),
    "head gone": (config(architectures=None), "no architecture"),
    "head no name": (config(architectures=5), "class names"),
    "bare encoder": (config(architectures=["BertModel"]), "a bare encoder"),
    "width text": (config(hidden_size="wide"), "hidden_size"),
    "width 0": (config(hidden_size=0), "hidden_size"),
    "layers negative": (config(num_hidden_layers=-2), "num_hidden_layers"),
    "width other": (config(hidden_size=32, num_attention_heads=4), "of the shape"),
    "width not divided by heads": (config(num_attention_heads=3), "sizes fit together"),
    "activation unknown": (config(hidden_act="swoosh"), "sizes fit together"),
    "vocabulary size other": (config(vocab_size=50), WORD),
    "fewer layers than weights": (config(num_hidden_layers=1), "blocks"),
    "more layers than weights": (config(num_hidden_layers=9), "lacks"),
    "labels of another number": (config(id2label={"0": "a", "1": "b", "2": "c"}), "classifier"),
    "labels not numbered": (config(id2label={"no": "0"}), "numbered from zero"),
    "label count text": (config(num_labels="two"), "num_labels"),
    "weights gone": (gone("model.safetensors"), "no weights"),
    "weights of no bytes": (text("model.safetensors", b""), "which is empty"),
    "weights cut in the header": (cut(0.01), "cut off or damaged"),
    "weights cut in the middle": (cut(0.5), "cut off or damaged"),
    "weights a pointer": (text("model.safetensors", "version https://git-lfs.github.com/spec/v1\n"), "Git LFS"),
    "weights pickled": (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin") and None, "pickled"),
    "weights without one": (weights(lambda tensors: tensors.pop(DENSE)), DENSE),
    "weights NaN": (filled(DENSE, float("nan")), DENSE),
    "weights infinite": (filled("classifier.bias", float("-inf")), "classifier.bias"),
    "index names a missing file": (indexed({WORD: "model-00002-of-00002.safetensors"}), "model-00002"),
    "index names nothing": (indexed({}), "weight_map"),
    "index leads elsewhere": (indexed({WORD: "../other.safetensors"}), "../other"),
    "weights that no index names": (
        lambda f: (f / "model.safetensors").rename(f / "consolidated.safetensors") and None,
        "no index names",
    ),
    "an adapter": (text("adapter_config.json", "{}"), "adapter"),
    "tokenizer gone": (gone("tokenizer.json", "tokenizer_config.json"), "a tokenizer in the folder"),
    "tokenizer empty": (text("tokenizer.json", ""), "which is empty"),
    "tokenizer broken": (text("tokenizer.json", "{"), "broken in line"),
    "tokenizer a list": (text("tokenizer.json", "[1]"), "a JSON object"),
    "tokenizer without added tokens": (tokenizer(added_tokens=None), "added_tokens"),
    "tokenizer without a model": (tokenizer(model=None), '"model"'),
    "tokenizer of another kind": (changed("tokenizer.json", lambda c: c["model"].update(type="Guess")), "tokenizer"),
    "vocabulary empty": (vocabulary({}), "without tokens"),
    "vocabulary of texts": (vocabulary({"a": "b"}), "a number for every token"),
    "vocabulary a number": (vocabulary(7), "a vocabulary"),
    "vocabulary without the unknown token": (vocabulary({"[CLS]": 0, "[SEP]": 1}), "tokenizer"),
    "tokenizer settings broken": (text("tokenizer_config.json", "{"), "tokenizer_config.json"),
    "golgi.json with a length of 2": (text("golgi.json", '{"max_length": 2}'), "max_length"),
}


@pytest.fixture
def folder(tmp_path: Path, models_dir: Path) -> Path:
    """A whole folder, to be broken."""
    return Path(shutil.copytree(models_dir / "tiny-bert", tmp_path / "models" / "broken"))


def test_there_are_enough_of_them() -> None:
    assert len(BROKEN) >= 50


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_folder_is_refused_in_a_sentence(folder: Path, name: str) -> None:
    change, says = BROKEN[name]
    change(folder)
    hosts = Hosts(folder.parent, device="cpu", offline=True)
    with pytest.raises(Unsupported) as caught:
        hosts.get("broken")
    told = str(caught.value)
    assert says in told and told.startswith("Expected ") and "; found " in told
    assert not [word for word in INNER if word in told], told
    assert [info.slug for info in hosts.available()] == ["broken"]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> tuple[Golgi, TestClient, Path]:
    """An instance whose models folder is empty."""
    root = tmp_path_factory.mktemp("pages")
    (root / "models").mkdir()
    golgi = build(Settings(data_dir=root, models_dir=root / "models", offline=True, device="cpu"), recorded=None)
    return golgi, TestClient(golgi.app()), root / "models"


@pytest.mark.parametrize("name", BROKEN)
def test_its_page_says_so(shown: tuple[Golgi, TestClient, Path], models_dir: Path, name: str) -> None:
    golgi, client, root = shown
    change, says = BROKEN[name]
    slug = f"broken-{list(BROKEN).index(name)}"
    change(Path(shutil.copytree(models_dir / "tiny-bert", root / slug)))
    if "Cannot be loaded" not in client.get(f"/models/{slug}").text:
        client.post(f"/models/{slug}/load")
        golgi.worker.run_once()
    answer = client.get(f"/models/{slug}")
    told = html.unescape(answer.text)
    assert answer.status_code == 200 and says in told and "Expected " in told and "; found" in told
    assert not [word for word in INNER if word in told]


def test_the_command_says_so(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    filled(DENSE, float("nan"))(folder)
    place = ["--models-dir", str(folder.parent), "--data-dir", str(tmp_path / "data"), "--offline"]
    assert main(["check-model", "broken", *place]) == 2
    told = capsys.readouterr().err
    assert DENSE in told and "Expected weights that are finite numbers; found 1 of" in told and "Traceback" not in told
