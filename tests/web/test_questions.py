"""Question sets by browser, by API and by command."""

import io
import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.__main__ import main
from app.data.built_in_questions import SCHOOL
from app.main import Golgi

EXAM = {"id": "e1", "lang": "en", "subject": "Bio", "question": "What?", "choices": list("wxyz"), "answer": 2}
BODY = "\n".join(json.dumps({**EXAM, "id": f"e{n}", "question": f"What is {n}?"}) for n in range(30)).encode()


def client_of(golgi: Golgi) -> TestClient:
    return TestClient(golgi.app(), follow_redirects=False)


def staged(client: TestClient, body: bytes, name: str = "exams.jsonl") -> str:
    sent = client.post("/questions", files={"file": (name, io.BytesIO(body))})
    assert sent.status_code == 303, sent.text
    return sent.headers["location"]


def test_the_list_offers_the_sets_that_ship_with_golgi(golgi: Golgi) -> None:
    client = client_of(golgi)
    page = client.get("/questions").text
    assert "Load cloze-facts" in page and "Load school-questions" in page
    assert 'href="/questions"' in client.get("/datasets").text
    there = client.post("/questions/built-in", data={"built_in": "cloze-facts"}).headers["location"]
    page = client.get(there).text
    assert "CC0-1.0" in page and "335" in page and "The capital of France is" in page
    page = client.get("/questions").text
    assert "Load cloze-facts" not in page and "Load school-questions" in page
    assert client.post("/questions/built-in", data={"built_in": "cloze-facts"}).status_code == 409
    assert "one of the sets that ship" in client.post("/questions/built-in", data={"built_in": "other"}).text


def test_the_school_questions_have_a_letter_in_three_prompts(golgi: Golgi) -> None:
    found = golgi.services.questions.bring("school-questions", {})
    assert (found.queries, found.prompts, len(found.domains), found.choices) == (552, 1656, 6, True)
    assert found.licence == "MIT"
    told = {json.loads(line)["id"]: json.loads(line) for line in SCHOOL.read_text("utf-8").splitlines()}
    for query in golgi.services.questions.store.queries(found.id):
        assert query.answer == told[query.key]["right"]
        assert len({wording.target for wording in query.wordings}) == 3
        for wording in query.wordings:
            assert wording.options["ABCD".index(wording.target)] == query.answer
            assert sorted(wording.options) == sorted([query.answer, *told[query.key]["wrong"]])


def test_a_file_is_looked_at_before_it_is_stored(golgi: Golgi) -> None:
    client = client_of(golgi)
    there = staged(client, BODY)
    page = client.get(there)
    assert page.status_code == 200 and page.text.count("What is 2?") == 4 and "What is 3?" not in page.text
    assert client.get("/questions.json").json()["sets"] == []
    looked = client.post(there, data={"look": "1", "domain_by": "language", "seed": "7"}).text
    assert "seed 7" in looked and "domain by language" in looked
    assert client.post(there, data={"name": "a b"}).status_code == 422
    assert client.post(there, data={"name": "x", "seed": "no"}).status_code == 422
    done = client.post(there, data={"name": "exams", "seed": "7", "licence": "own"})
    assert done.headers["location"] == "/questions/exams"
    assert client.get(there).status_code == 404


def test_a_set_is_searched_split_deleted_and_brought_back(golgi: Golgi) -> None:
    client = client_of(golgi)
    client.post(staged(client, BODY), data={"name": "exams"})
    assert "1 to 20 of 30" in client.get("/questions/exams").text
    found = client.get("/questions/exams.json?q=WHAT IS 17").json()
    assert found["total"] == 1 and found["queries"][0][0]["key"] == "e17"
    assert "No query holds" in client.get("/questions/exams?q=zebra&offset=40").text
    first, second = (client.get(f"/questions/exams.json?seed={n}").json()["domains"][0] for n in (0, 1))
    assert first["detection"] + first["choice"] + first["test"] == 30 and first != second
    assert client.get("/questions/exams?seed=-1").status_code == 422
    gone = client.post("/questions/exams/delete").headers["location"]
    assert "Undo" in client.get(gone).text and client.get("/questions/exams").status_code == 404
    assert client.post("/questions/1/restore").headers["location"] == "/questions/exams"


def test_an_export_comes_in_as_the_same_set(golgi: Golgi) -> None:
    client = client_of(golgi)
    client.post(staged(client, BODY), data={"name": "exams"})
    before = client.get("/api/v1/question-sets/exams").json()["set"]
    body = client.get("/questions/exams/export.jsonl").content
    taken = client.post("/api/v1/question-sets", data={"name": "again"}, files={"file": ("e.jsonl", body)})
    assert taken.status_code == 409 and "exams" in taken.json()["error"]["found"]
    client.post("/questions/exams/delete")
    taken = client.post("/api/v1/question-sets", data={"name": "again"}, files={"file": ("e.jsonl", body)})
    assert taken.status_code == 201 and taken.json()["hash"] == before["hash"]
    assert [one["name"] for one in client.get("/api/v1/question-sets").json()["sets"]] == ["again"]


@pytest.mark.parametrize("body", [b"", b"{", b"a,b\n1,2\n", b"\xff\xfe\xff"])
def test_a_broken_file_is_told_and_not_stored(golgi: Golgi, body: bytes) -> None:
    client = client_of(golgi)
    page = client.get(staged(client, body, "x.csv"))
    assert page.status_code == 422 and "Expected" in page.text and "Traceback" not in page.text
    told = client.post("/api/v1/question-sets", data={"name": "x"}, files={"file": ("x.csv", body)})
    assert told.status_code == 422 and told.json()["error"]["remedy"]
    columns = client.post("/api/v1/question-sets", data={"name": "x", "columns": "{"}, files={"file": ("x.csv", body)})
    assert columns.json()["error"]["field"] == "columns"
    assert client.post("/questions").status_code == 422
    assert client.get("/questions.json").json()["sets"] == []


def test_the_command_prints_what_was_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.csv"
    file.write_text("text,gold\na,b\nc,d\n")
    place = ["--data-dir", str(tmp_path / "data")]
    columns = ["--layout", "table", "--column", "prompt=text", "--column", "target=gold"]
    assert main(["import-questions", str(file), *columns, *place]) == 0
    said = capsys.readouterr().out
    assert "mine: 2 queries, 2 prompts, layout table" in said and "queries with one wording: 2" in said
    assert main(["import-questions", "cloze-facts", *place]) == 0
    assert "335 queries, 1,675 prompts" in capsys.readouterr().out
    assert main(["import-questions", str(tmp_path / "none"), *place]) != 0
