"""What a command says is what was asked: ``read(words(q)) == q`` for every kind of run, through the parser too."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from app.cli.parser import parser
from app.cli.values import values_of
from app.forms.fields import Field, fields_of
from app.forms.read import read
from app.forms.words import spelled, words
from app.kinds import kinds
from app.kinds.base import Kind
from app.methods.base import methods

TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12)
WORD = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9_.]{0,8}", fullmatch=True)


def value_of(field: Field) -> st.SearchStrategy[Any]:
    """A value that the field's schema takes."""
    low, high = field.lowest, field.highest
    if field.choices:
        return st.sampled_from(sorted(field.choices))
    if field.type == "flag":
        return st.booleans()
    if field.type == "whole":
        return st.integers(int(low or 0), int(high if high is not None else 10**6))
    if field.type == "number":
        high = 0.5 if "split" in field.path else high  # two shares that add up to 1 at most
        top = high if high is not None else 1e6  # bounds may be open, so neither end is taken
        return st.floats(low or 0.0, top, exclude_min=True, exclude_max=True, allow_nan=False)
    if field.type == "numbers":
        return st.lists(st.floats(0, 1, allow_nan=False), max_size=3)
    if field.type == "wholes":
        return st.lists(st.integers(0, 40), max_size=3)
    if field.type == "texts":
        return st.lists(TEXT if field.widget == "area" else WORD, max_size=3)
    return TEXT if field.widget in ("area", "token") else WORD


def put(values: dict[str, Any], field: Field, value: Any) -> None:
    inner = values
    for part in field.path[:-1]:
        inner = inner.setdefault(part, {})
    inner[field.path[-1]] = value


def sizes() -> st.SearchStrategy[dict[str, Any]]:
    shares = st.floats(0, 1, exclude_min=True, allow_nan=False).map(lambda share: {"fraction": share})
    return shares | st.integers(1, 999).map(lambda count: {"count": count})


@st.composite
def questions(draw: st.DrawFn, kind: Kind[Any, Any, Any]) -> tuple[BaseModel, tuple[Field, ...]]:
    """A form of a kind with some of its fields filled, and its fields."""
    method = draw(st.sampled_from(sorted(methods())))
    fields = kind.ask.fields(method)
    values: dict[str, Any] = {}
    for field in fields:
        if field.type == "size":
            values.setdefault(field.path[0], {}).update(draw(sizes()))
        elif field.path == ("method",):
            values["method"] = method
        elif field.type != "json" and field.path[-1] != "count" and (field.positional or draw(st.booleans())):
            put(values, field, draw(value_of(field)))
    if "params" in values:
        values["params"] = methods()[method].model_validate(values["params"]).model_dump(mode="json")
    return kind.ask.Form.model_validate(values), fields


def again(kind: Kind[Any, Any, Any], said: list[str]) -> BaseModel:
    """The form that the command line makes of words."""
    return kind.ask.form(values_of(parser().parse_args([kind.key, *said]), kind))


def whole(form: BaseModel) -> dict[str, Any]:
    """A form's values, those of a method with their defaults."""
    values = form.model_dump(mode="json")
    if "params" in values:
        values["params"] = methods()[values["method"]].model_validate(values["params"]).model_dump(mode="json")
    return values


@pytest.mark.parametrize("key", sorted(kinds()))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_command_asks_the_same_question(key: str, data: st.DataObject) -> None:
    kind = kinds()[key]
    form, fields = data.draw(questions(kind))
    assert whole(again(kind, words(form, fields))) == whole(form)


@pytest.mark.parametrize("key", sorted(kinds()))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_same_as_one_json_object(key: str, data: st.DataObject) -> None:
    kind = kinds()[key]
    form, fields = data.draw(questions(kind))
    around = frozenset(kind.ask.Form.model_fields) - frozenset(kind.ask.Question.model_fields)
    assert whole(again(kind, spelled(form, fields, around))) == whole(form)


def test_two_methods_may_have_one_setting_with_different_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chosen method decides what a setting may be; the parser does not keep the first one's choices."""
    kind = kinds()["attribute"]
    said = ["--dataset", "d", "--method", "weight_norm", "--preset"]
    form = again(kind, [*said, "ffn"])
    assert form.model_dump()["params"] == {"preset": "ffn"}
    heads = again(kind, ["--dataset", "d", "--method", "activation", "--preset", "heads"])
    assert heads.model_dump()["params"] == {"preset": "heads"}
    assert {f.name: tuple(f.choices) for f in kind.ask.fields("weight_norm")}["preset"] == ("ffn",)
    assert "heads" in {f.name: tuple(f.choices) for f in kind.ask.fields("activation")}["preset"]


def test_what_was_not_given_takes_the_default() -> None:
    fields = fields_of(kinds()["ablate"].ask.Form)
    assert read(fields, {"op": ["mean"], "amount": [""], "layers": ["  "]}) == {"op": "mean"}
    assert read(fields, {"curve": ["none"]}) == {"curve": []}
