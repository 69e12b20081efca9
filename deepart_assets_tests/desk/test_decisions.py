"""Accepting, rejecting and asking for others: files that the pipeline's observed assets read."""

import json
from typing import get_args

import pytest

from deepart_assets.curation import (
    MADE_AGAIN,
    REQUESTABLE,
    CuratorChoice,
    CuratorRequest,
    read_decision,
)
from deepart_assets.errors import PaintingError
from deepart_assets.imaging import encode_png
from deepart_assets.settings import load_settings
from deepart_assets.settings.outpainting import Outpainter, SceneCompletion
from deepart_assets_tests.conftest import draw_painting

NONE = {"if-match": "none"}

KINDS = get_args(get_args(Outpainter)[0])


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


def test_an_accepted_result_that_has_been_made_again_is_out_of_date(client, painted):
    put(client, "choice", accepted(client))
    data = encode_png(draw_painting(9, 200, 160))
    inputs = {"telea_outpaintings": painted.version("telea_outpaintings", "a1")}
    painted.record("telea_upscaled", "a1", {"telea_upscaled/a1.png": data}, inputs)
    for asset in ("artificially_inspired_outpaintings", "artificially_inspired_upscaled"):
        painted.record(asset, "a1", {f"{asset}/a1.png": data}, {})
    client.desk.index.refresh(at_once=True)
    assert "/p/a1" not in client.get("/?status=accepted").text
    page = client.get("/?status=stale").text
    assert "/p/a1" in page
    assert MADE_AGAIN in client.get("/p/a1").text
    state = client.get("/p/a1/state").json()
    put(client, "choice", accepted(client), {"if-match": state["choice"]["version"]})
    assert "/p/a1" in client.get("/?status=accepted").text


def test_what_is_published_waits_for_a_mask_that_failed(client, painted):
    put(client, "choice", accepted(client))
    with pytest.raises(PaintingError):
        painted.fail("subject_masks", "a1", "the mask is turned")
    stages = client.get("/p/a1/state").json()["stages"]
    published = next(each for each in stages if each["heading"] == "published")
    assert (published["state"], published["reason"]) == ("stale", "mask failed")


def test_a_result_is_rejected_and_undecided_again(client, painted):
    version = put(client, "choice", {"decision": "rejected", "note": "two heads"}).json()["choice"]
    assert "/p/a1" in client.get("/?status=rejected").text
    assert "two heads" in client.get("/p/a1").text
    headers = {"if-match": version["version"]}
    assert put(client, "choice", {"decision": "open"}, headers).status_code == 200
    assert "/p/a1" not in client.get("/?status=rejected").text


def test_a_result_made_since_a_rejection_has_not_been_rejected(client, painted):
    seen = client.get("/p/a1/state").json()["results"]
    put(client, "choice", {"decision": "rejected", "rejected": seen, "note": "two heads"})
    assert "/p/a1" in client.get("/?status=rejected").text
    data = encode_png(draw_painting(9, 200, 160))
    inputs = {"telea_outpaintings": painted.version("telea_outpaintings", "a1")}
    painted.record("telea_upscaled", "a1", {"telea_upscaled/a1.png": data}, inputs)
    client.desk.index.refresh(at_once=True)
    assert "/p/a1" not in client.get("/?status=rejected").text
    state = client.get("/p/a1/state").json()
    again = {**state["choice"], "rejected": state["results"]}
    headers = {"if-match": again.pop("version")}
    assert put(client, "choice", again, headers).status_code == 200
    assert "/p/a1" in client.get("/?status=rejected").text


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


@pytest.fixture
def completing(settings, painted):
    """With scene completion, whose library lends one ground, and an outpainting of two grounds."""
    painted.record(
        "ground_library", "_whole",
        {"ground_library/grounds.npz": b"", "ground_library/pictures.json": b'{"g1": []}'}, {},
        figures={"lenders": [{"id": "g1", "artist": "Goya", "title": "Wall"}]},
    )  # fmt: skip
    settings.outpainters["completed"] = SceneCompletion(kind="scene_completion")
    lent = [{"id": "g1", "cost": 1.0}, {"id": "g2", "cost": 2.0}]
    painted.record("completed_outpaintings", "a1", {"completed_outpaintings/a1.png": b"1"}, {},
                   figures={"candidates": lent, "lender": lent[0]})  # fmt: skip


def test_other_grounds_are_asked_for(completing, client, painted):
    asked = client.get("/p/a1/state").json()["requests"]["completed"]
    assert asked["takes"] == ["candidates", "ground", "excluded_grounds"]
    assert asked["made"] == [{"ground": "g1"}, {"ground": "g2"}]
    assert "Goya, Wall" in client.get("/p/a1").text
    wanted = {"candidates": None, "ground": "g1", "excluded_grounds": ["g2"]}
    state = put(client, "request/completed", wanted).json()
    assert state["requests"]["completed"]["excluded_grounds"] == ["g2"]
    path = "requests/completed/a1.json"
    assert painted.lake.read_json(path) == {"ground": "g1", "excluded_grounds": ["g2"]}


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"prompt": "a wall"}, "asks for prompt, which means nothing to an outpainter of kind"),
        ({"seed": 3, "candidates": 2}, "asks for seed, "),
        ({"ground": "../x"}, "there is no ground '../x' in the library"),
    ],
)
def test_what_an_outpainter_does_not_take_is_refused(completing, client, painted, wanted, words):
    answer = put(client, "request/completed", wanted)
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert not painted.lake.exists("requests/completed/a1.json")
    answer = put(client, "request/artificially_inspired", {"prompt": "a wall"})
    assert answer.status_code == 422


def test_every_outpainter_that_takes_requests_takes_known_fields():
    assert set(REQUESTABLE) <= {each.model_fields["kind"].annotation.__args__[0] for each in KINDS}
    for taken in REQUESTABLE.values():
        assert set(taken) <= set(CuratorRequest.model_fields)
