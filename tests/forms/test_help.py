"""What stands below a field says more than its label."""

import re

import pytest

from app.forms.fields import Field
from app.kinds import kinds

SMALL = frozenset(
    re.findall(
        r"\w+",
        "a an and any are as at by for from how in is it many more most must of on one only or so than that the this",
    )
)
FIELDS = [
    pytest.param(field, id=f"{kind.key}-{field.name}")
    for kind in kinds().values()
    for field in kind.ask.fields()
    if field.help and field.widget != "hidden" and field.type != "flag"
]


def words(text: str) -> set[str]:
    """Without small words and plurals."""
    return {word.removesuffix("s") for word in re.findall(r"[\w.,%λ]+", text.lower()) if word not in SMALL}


@pytest.mark.parametrize("field", FIELDS)
def test_help_says_more_than_the_label(field: Field) -> None:
    assert words(field.help) - words(field.label), f"{field.label}: {field.help}"
