"""Accepting, rejecting and asking for others: files that the pipeline's observed assets read."""

import json

import pytest

from deepart_assets.curation import CuratorChoice, CuratorRequest, read_decision
from deepart_assets.errors import PaintingError
from deepart_assets.settings import load_settings

NONE = {"if-match": "none"}


def put(client, what, content, headers=NONE):
    return client.put(f"/p/a1/{what}", content=json.dumps(content), headers=headers)


@pytest.fixture
def settings(settings):
    """With the sample's learned outpainter, of which others may be asked for."""
    sample = load_settings("sample").outpainters["artificially_inspired"]
    return settings.model_copy(
        update={"outpainters": {**settings.outpainters, "artificially_inspired": sample}}
    )


def accepted(client, **more):
    results = client.get("/p/a1/state").json()["results"]
    return {"decision": "accepted", "outpainter": "telea", "sha256": results["telea"], **more}


def test_a_result_is_accepted(client, painted):
    state = put(client, "choice", accepted(client, note="the sky")).json()
    assert state["choice"]["decision"] == "accepted"
    choice = read_decision(CuratorChoice, painted.lake.read("choices/a1.json"), "")
    assert (choice.outpainter, choice.note) == ("telea", "the sky")
    published = next(each for each in state["stages"] if each["heading"] == "published")
    assert published["state"] == "waiting"
    assert "/p/a1" in client.get("/?status=accepted").text


def test_a_result_is_rejected_and_undecided_again(client, painted):
    version = put(client, "choice", {"decision": "rejected", "note": "two heads"}).json()["choice"]
    assert "/p/a1" in client.get("/?status=rejected").text
    assert "two heads" in client.get("/p/a1").text
    headers = {"if-match": version["version"]}
    assert put(client, "choice", {"decision": "open"}, headers).status_code == 200
    assert "/p/a1" not in client.get("/?status=rejected").text


def test_choices_that_cannot_be_meant(client, painted):
    for content, status in (
        ({"decision": "perhaps"}, 422),
        ({"decision": "accepted", "outpainter": "../x"}, 422),
        ({"decision": "accepted", "outpainter": "artificially_inspired"}, 422),
        ({"decision": "rejected", "note": "x" * 3000}, 422),
        ({"decision": "rejected", "path": "/etc"}, 422),
        (accepted(client, sha256="0" * 64), 409),
        ([], 422),
    ):
        answer = put(client, "choice", content)
        assert answer.status_code == status, answer.text
    assert not painted.lake.exists("choices/a1.json")
    assert client.put("/p/a1/choice", content=b"{" * 70_000, headers=NONE).status_code == 413


def test_two_choices_at_once(client):
    assert put(client, "choice", {"decision": "rejected"}).status_code == 200
    assert put(client, "choice", accepted(client)).status_code == 409


def test_others_are_asked_for_and_withdrawn(client, painted):
    wanted = {"candidates": 3, "seed": 5, "prompt": None}
    state = put(client, "request/artificially_inspired", wanted).json()
    path = "requests/artificially_inspired/a1.json"
    asked = read_decision(CuratorRequest, painted.lake.read(path), path)
    assert asked == CuratorRequest(candidates=3, seed=5)
    headers = {"if-match": state["requests"]["artificially_inspired"]["version"]}
    gone = client.delete("/p/a1/request/artificially_inspired", headers=headers)
    assert gone.status_code == 200
    assert not painted.lake.exists(path)


def test_requests_that_cannot_be_meant(client, painted):
    assert put(client, "request/telea", {"seed": 5}).status_code == 404
    assert put(client, "request/..%2Fmasks", {"seed": 5}).status_code == 404
    for wanted in ({"candidates": 17}, {"seed": -1}, {"prompt": "x" * 2000}, {"shell": "rm"}):
        answer = put(client, "request/artificially_inspired", wanted)
        assert answer.status_code == 422, wanted
    assert not painted.lake.list("requests/artificially_inspired")


def test_a_file_that_cannot_be_read_says_what_to_do():
    with pytest.raises(PaintingError, match=r"choices/a\.json cannot be read .* remove it"):
        read_decision(CuratorChoice, b'{"decision": 3}', "choices/a.json")
