"""Question sets as values."""

from dataclasses import replace

from app.domain.question_sets import QuestionQuery, Wording, content_hash

QUERY = QuestionQuery(
    "0", "capital", (Wording("The capital of France is", "Paris"), Wording("France's capital is", "Paris"))
)


def test_the_hash_is_of_all_that_is_asked() -> None:
    changed = [
        replace(QUERY, key="1"),
        replace(QUERY, domain="language"),
        replace(QUERY, answer="Paris"),
        replace(QUERY, wordings=QUERY.wordings[:1]),
        replace(QUERY, wordings=QUERY.wordings[::-1]),
        replace(QUERY, wordings=(replace(QUERY.wordings[0], target="Rome"), QUERY.wordings[1])),
        replace(QUERY, wordings=(replace(QUERY.wordings[0], options=("Paris", "Rome")), QUERY.wordings[1])),
    ]
    hashes = {content_hash([query]) for query in (QUERY, *changed)}
    assert len(hashes) == len(changed) + 1
    assert content_hash([QUERY]) == content_hash([replace(QUERY)]) != content_hash([QUERY, QUERY])


def test_a_query_with_choices_says_so() -> None:
    assert not QUERY.choices
    assert replace(QUERY, wordings=(Wording("Which?\n A. Paris\n B. Rome\n\nAnswer:", "A", ("Paris", "Rome")),)).choices
