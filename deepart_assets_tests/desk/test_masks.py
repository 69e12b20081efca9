"""A mask drawn on the desk: read for editing, validated like a file, saved or refused."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from deepart_assets.imaging import decode_grey, encode_png
from deepart_assets.imaging.borders import Box
from deepart_assets.segmentation import Support
from deepart_assets.storage import Lake

NONE = {"if-match": "none"}


def mask(rows=slice(50, 180), columns=slice(40, 120), size=(200, 160)):
    drawn = np.zeros(size, np.uint8)
    drawn[rows, columns] = 255
    return encode_png(drawn)


def inverted():
    """The surround of the subject that `PaintedLake` has."""
    return encode_png(255 - decode_grey(mask(slice(40, 200)), ""))


def strokes():
    drawn = np.zeros((200, 160, 4), np.uint8)
    drawn[60:160, 70:76] = (0, 200, 80, 255)
    drawn[10:30, 10:150] = (230, 40, 40, 255)
    return encode_png(drawn)


def bomb(side=50_000):
    """A PNG of one colour, whose header promises 2.5 thousand million pixels."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def test_a_mask_is_saved_and_the_page_waits_for_what_follows(client, painted):
    answer = client.put("/p/a1/mask", content=mask(), headers=NONE)
    assert answer.status_code == 200, answer.text
    assert painted.lake.read("masks/a1.png") == mask()
    state = answer.json()
    assert state["mask"]["kind"] == "mask"
    waiting = {each["asset"] for each in state["stages"] if each["state"] == "waiting"}
    assert "predicted_masks" not in waiting
    assert {"subject_masks", "telea_outpaintings", "telea_upscaled"} <= waiting


def test_a_mask_is_found_by_the_rule_of_the_masks_folder(client, painted):
    painted.lake.write("masks/A1_mask.PNG", mask())
    client.desk.index.refresh(at_once=True)
    state = client.get("/p/a1/state").json()
    assert state["mask"]["kind"] == "mask"
    assert "out of date" in client.get("/?words=redon").text
    assert client.put("/p/a1/mask", content=strokes(), headers=NONE).status_code == 409
    seen = {"if-match": state["mask"]["version"]}
    answer = client.put("/p/a1/mask", content=strokes(), headers=seen)
    assert answer.json()["mask"]["kind"] == "strokes"
    assert painted.lake.list("masks", ".png") == ["masks/a1.png"]
    assert not painted.lake.exists("masks/A1_mask.PNG")
    painted.lake.move("masks/a1.png", "masks/a1 mask.png")
    seen = {"if-match": answer.json()["mask"]["version"]}
    assert client.delete("/p/a1/mask", headers=seen).json()["mask"]["kind"] == "none"
    assert not painted.lake.exists("masks/a1 mask.png")


@pytest.mark.parametrize(
    ("kind", "suffix"), [("JPEG", ".jpg"), ("TIFF", ".tif"), ("WEBP", ".webp")]
)
def test_a_mask_from_a_file_keeps_its_format(client, painted, kind, suffix):
    data = io.BytesIO()
    Image.open(io.BytesIO(mask())).save(data, kind)
    first = client.put("/p/a1/mask", content=data.getvalue(), headers=NONE)
    assert first.json()["mask"]["kind"] == "mask"
    assert painted.lake.read(f"masks/a1{suffix}") == data.getvalue()
    seen = {"if-match": first.json()["mask"]["version"]}
    assert client.put("/p/a1/mask", content=strokes(), headers=seen).status_code == 200
    assert painted.lake.list("masks") == ["masks/a1.png"]


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ("PUT mask", "masks/a1.jpg"),
        ("DELETE mask", "masks/a1.jpg"),
        ("PUT text", "masks/A1.txt"),
    ],
)
def test_of_two_who_save_at_once_the_second_is_refused(client, painted, monkeypatch, change, first):
    lock, (method, what) = Lake.lock, change.split()

    @contextlib.contextmanager
    def waited_for(lake, name):
        if name.startswith("masks/"):
            lake.write(first, b"of the first one")
        with lock(lake, name):
            yield

    monkeypatch.setattr(Lake, "lock", waited_for)
    content = mask() if what == "mask" else b"the vase"
    answer = client.request(method, f"/p/a1/{what}", content=content, headers=NONE)
    assert answer.status_code == 409, answer.text
    assert painted.lake.list("masks") == [first]


def test_the_sensor_has_seen_a_mask(client, painted):
    client.put("/p/a1/mask", content=mask(), headers=NONE)
    assert not client.get("/p/a1/state").json()["mask"]["seen"]
    stamps = painted.lake.stamps("masks")
    painted.lake.write_json("automation/curated_masks_folder/0a.json", stamps)
    assert client.get("/p/a1/state").json()["mask"]["seen"]


def test_two_people_do_not_overwrite_each_other_unseen(client, painted):
    mine = client.put("/p/a1/mask", content=mask(), headers=NONE).json()["mask"]["version"]
    other = client.put("/p/a1/mask", content=mask(slice(90, 150)), headers=NONE)
    assert other.status_code == 409
    assert "somebody else" in other.json()["error"]
    assert client.delete("/p/a1/mask", headers=NONE).status_code == 409
    assert painted.lake.read("masks/a1.png") == mask()
    again = client.put("/p/a1/mask", content=mask(slice(90, 150)), headers={"if-match": mine})
    assert again.status_code == 200
    mine = again.json()["mask"]["version"]
    assert client.delete("/p/a1/mask", headers={"if-match": mine}).json()["mask"]["kind"] == "none"
    assert not painted.lake.exists("masks/a1.png")
    assert client.put("/p/a1/mask", content=mask()).status_code == 428


def noise():
    return np.random.default_rng(0).integers(0, 255, (200, 160), dtype=np.uint8)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cannot be read as a picture"),
        (b"<svg onload=alert(1)>", "cannot be read as a picture"),
        (bomb(), "more than 64 million"),
        (mask(slice(0, 200), slice(0, 160)), "all white"),
        (mask(size=(200, 400)), "another aspect"),
        (inverted(), "looks inverted"),
        (encode_png(decode_grey(mask(slice(40, 200), slice(40, 120)), "")[::-1, ::-1]), "180°"),
        (encode_png(noise()), "is not a mask"),
        (mask()[:200], ""),
    ],
)
def test_what_is_no_mask_is_refused(client, painted, data, words):
    answer = client.put("/p/a1/mask", content=data, headers=NONE)
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert "masks/a1.png" in answer.json()["error"]
    assert not painted.lake.exists("masks/a1.png")


@pytest.mark.parametrize(
    ("confidence", "files", "verdict"),
    [
        (0.01, {}, None),
        (0.9, {}, "the text names nothing in it"),
        # All that was found is on the frame.
        (0.9, {"predicted_masks/a1.support.json": Support(Box(0, 0, 160, 40)).to_json()}, None),
    ],
)
def test_a_prediction_without_a_subject_refuses_no_mask(
    client, painted, confidence, files, verdict
):
    prediction = painted.lake.read("predicted_masks/a1.png")
    painted.record("predicted_masks", "a1", {"predicted_masks/a1.png": prediction, **files}, {},
                   figures={"confidence": confidence}, verdict=verdict)  # fmt: skip
    answer = client.put("/p/a1/mask", content=inverted(), headers=NONE)
    assert answer.status_code == 200, answer.text
    assert painted.lake.read("masks/a1.png") == inverted()


def test_a_body_too_long_is_not_read(open_desk, monkeypatch, painted):
    monkeypatch.setattr("deepart_assets.desk.writes.MAX_BYTES", 1000)
    client = open_desk()
    read = []

    def parts():
        for number in range(100):
            read.append(number)
            yield bytes(600)

    answer = client.put("/p/a1/mask", content=parts(), headers=NONE)
    assert answer.status_code == 413
    assert not painted.lake.exists("masks/a1.png")


def test_an_unknown_painting_gets_no_mask(client, painted):
    assert client.put("/p/zz/mask", content=mask(), headers=NONE).status_code == 404
    assert client.put("/p/..%2Fzz/mask", content=mask(), headers=NONE).status_code == 404
    assert not painted.lake.list("masks")


def test_what_the_editor_begins_with(client, painted):
    def layer(name):
        answer = client.get(f"/p/a1/mask/{name}.png")
        return answer.status_code if answer.status_code != 200 else answer.content

    made = decode_grey(painted.lake.read("subject_masks/a1.png"), "")
    assert (decode_grey(layer("mask"), "") == made).all()
    assert layer("strokes") == 404
    client.put("/p/a1/mask", content=mask(), headers=NONE)
    assert (decode_grey(layer("mask"), "") == decode_grey(mask(), "")).all()
    assert (decode_grey(layer("prediction"), "") == made).all()
    version = client.get("/p/a1/state").json()["mask"]["version"]
    saved = client.put("/p/a1/mask", content=strokes(), headers={"if-match": version})
    assert saved.json()["mask"]["kind"] == "strokes"
    assert (np.asarray(Image.open(io.BytesIO(layer("strokes")))) == np.asarray(
        Image.open(io.BytesIO(strokes())))).all()  # fmt: skip


def test_a_file_that_cannot_be_read_is_said(client, painted):
    painted.lake.write("masks/a1.png", b"no picture")
    assert client.get("/p/a1").status_code == 200
    assert client.get("/p/a1/state").json()["mask"]["kind"] == "unreadable"


@pytest.mark.parametrize("data", [b"no picture", mask(size=(200, 400))])
def test_the_editor_begins_without_a_file_that_cannot_be_read(client, painted, data):
    painted.lake.write("masks/a1.png", data)
    made = painted.lake.read("subject_masks/a1.png")
    for layer in ("mask", "prediction"):
        answer = client.get(f"/p/a1/mask/{layer}.png")
        assert answer.status_code == 200, answer.text
        assert (decode_grey(answer.content, "") == decode_grey(made, "")).all()
    assert client.get("/p/a1/mask/strokes.png").status_code == 404
    seen = {"if-match": client.get("/p/a1/state").json()["mask"]["version"]}
    assert client.put("/p/a1/mask", content=mask(), headers=seen).status_code == 200


def test_a_text_is_asked_for_where_the_segmenter_reads_one(client):
    assert 'id="text"' not in client.get("/p/a1").text


def test_what_the_subject_is_in_words(described, client, painted):
    assert 'id="text"' in client.get("/p/a1").text
    painted.lake.write("masks/A1.txt", b"the vase")
    state = client.get("/p/a1/state").json()
    assert state["text"]["own"] == "the vase"
    assert client.put("/p/a1/text", content="the flowers", headers=NONE).status_code == 409
    seen = {"if-match": state["text"]["version"]}
    assert client.put("/p/a1/text", content=";;", headers=seen).status_code == 422
    answer = client.put("/p/a1/text", content=" the flowers; Vögel ", headers=seen)
    assert answer.status_code == 200, answer.text
    assert painted.lake.read("masks/a1.txt").decode() == "the flowers; Vögel"
    assert not painted.lake.exists("masks/A1.txt")
    prediction = next(e for e in answer.json()["stages"] if e["asset"] == "predicted_masks")
    assert prediction["reason"] == "the text of the subject changed"
    seen = {"if-match": answer.json()["text"]["version"]}
    assert client.put("/p/a1/text", content="  ", headers=seen).json()["text"]["own"] == ""
    assert not painted.lake.list("masks")
