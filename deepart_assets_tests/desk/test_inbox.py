"""Pictures dropped onto the desk."""

import csv
import io
from types import SimpleNamespace

import pandas as pd
import pytest

from deepart_assets.desk import inbox
from deepart_assets.desk.inbox import waiting_and_left_out
from deepart_assets.imaging import encode_png
from deepart_assets.wikiart.catalogue import to_parquet
from deepart_assets.wikiart.left_out import LeftOut
from deepart_assets_tests.conftest import draw_painting
from deepart_assets_tests.desk.test_masks import bomb

PICTURE = encode_png(draw_painting(5, 60, 50))


def rows(painted):
    text = painted.lake.read("inbox/paintings.csv").decode()
    return {row["new_filename"]: row for row in csv.DictReader(io.StringIO(text))}


def test_a_picture_and_its_labels(client, painted):
    painted.lake.write("inbox/Cubism/other.png", PICTURE)
    painted.lake.write("inbox/other.png", PICTURE)
    answer = client.put("/inbox/My%20Sea.png?title=The+Sea&artist=Anna&evil=x", content=PICTURE)
    assert answer.json() == {"id": "My_Sea"}
    assert painted.lake.read("inbox/My Sea.png") == PICTURE
    found = rows(painted)
    assert (found["My Sea.png"]["title"], found["My Sea.png"]["artist"]) == ("The Sea", "Anna")
    assert found["Cubism/other.png"]["style"] == "Cubism" and "other.png" not in found
    client.put("/inbox/b.png?title=B", content=PICTURE)
    assert set(rows(painted)) == {"My Sea.png", "Cubism/other.png", "b.png"}
    assert "not taken in yet" in client.get("/inbox").text


def test_a_csv_keeps_its_columns(client, painted):
    painted.lake.write("inbox/paintings.csv", b"new_filename,artist,subject\nx.png,Y,the cat\n")
    assert client.put("/inbox/n.png?title=N", content=PICTURE).status_code == 200
    assert rows(painted)["x.png"]["subject"] == "the cat"
    assert rows(painted)["n.png"]["title"] == "N"
    table = "sep=;\r\nFile;Künstler;Jahr;Signatur\r\nx.png;Böcklin;1880;A 1\r\n".encode("cp1252")
    painted.lake.write("inbox/paintings.csv", table)
    answer = client.put("/inbox/s.png?title=S;&artist=Redon&date=1900", content=PICTURE)
    assert answer.status_code == 200, answer.text
    text = painted.lake.read("inbox/paintings.csv").decode("utf-8-sig")
    assert text.splitlines() == [
        "File;Künstler;Jahr;Signatur;title",
        "x.png;Böcklin;1880;A 1",
        's.png;Redon;1900;;"S;"',
    ]
    client.put("/inbox/s.png?artist=Klee", content=PICTURE)
    client.put("/inbox/x.png?title=X", content=PICTURE)
    text = painted.lake.read("inbox/paintings.csv").decode("utf-8-sig")
    assert text.splitlines() == [
        "File;Künstler;Jahr;Signatur;title",
        's.png;Klee;1900;;"S;"',
        "x.png;Böcklin;1880;A 1;X",
    ]
    for unusable in (b"a;b\n1;2\n", b'file,title\na.png,"open\nb.png,B\n', b"PK\x03\x04"):
        painted.lake.write("inbox/paintings.csv", unusable)
        refused = client.put("/inbox/m.png?title=M", content=PICTURE)
        assert refused.status_code == 422
        assert "leave the labels empty" in refused.json()["error"]
        assert painted.lake.read("inbox/paintings.csv") == unusable
        assert not painted.lake.exists("inbox/m.png")
    assert client.put("/inbox/m.png", content=PICTURE).status_code == 200


@pytest.mark.parametrize(
    ("name", "data", "status", "words"),
    [
        ("..%2F..%2Fx.png", PICTURE, 404, ""),
        ("..%5Cx.png", PICTURE, 422, "no name of a file"),
        (".hidden.png", PICTURE, 422, "no name of a file"),
        ("x.html", b"<script>", 422, "no picture"),
        ("list.csv", b"file,title", 422, "put a CSV into the inbox by hand"),
        ("x.svg", b"<svg/>", 422, "an SVG drawing"),
        ("x.png", b"<svg/>", 422, "x.png"),
        ("x.png", PICTURE[:-30], 422, "x.png"),
        ("x.png", bomb(), 422, "million"),
        ("---.png", PICTURE, 422, "has no letter or digit in its name: rename it"),
        (f"{'x' * 161}.png", PICTURE, 422, "has a name of more than 160 bytes: rename it"),
        ("a1.mask.png", PICTURE, 422, "put a mask into the folder masks"),
        ("a1.png", PICTURE, 409, "rename"),
    ],
)
def test_what_is_refused(client, name, data, status, words):
    answer = client.put(f"/inbox/{name}", content=data)
    assert answer.status_code == status, answer.text
    assert words.lower() in answer.json()["error"].lower()
    assert set(client.desk.lake.list("inbox")) <= {"inbox/README.md"}


def test_another_file_of_the_same_name_is_not_replaced(client, painted):
    assert client.put("/inbox/x.png", content=PICTURE).status_code == 200
    assert client.put("/inbox/x.png", content=PICTURE).status_code == 200
    other = encode_png(draw_painting(6, 60, 50))
    assert client.put("/inbox/x.png", content=other).status_code == 409
    assert painted.lake.read("inbox/x.png") == PICTURE


@pytest.mark.parametrize(
    ("there", "name"),
    [("IMG.jpg", "IMG.png"), ("img.png", "IMG.png"), ("My Sea.png", "My_Sea.png")],
)
def test_a_file_of_an_id_that_another_has_is_refused(client, painted, there, name):
    painted.lake.write(f"inbox/{there}", PICTURE)
    answer = client.put(f"/inbox/{name}?title=T", content=PICTURE)
    assert answer.status_code == 409
    assert f"same id as {there} of the inbox: rename yours, or remove" in answer.json()["error"]
    assert set(painted.lake.list("inbox")) == {f"inbox/{there}"}


def test_a_file_that_was_left_out_is_replaced_by_one_that_can_be_read(client, painted, monkeypatch):
    painted.lake.write("inbox/IMG.heic", b"not readable here")
    left_out = [LeftOut("inbox/IMG.heic", "cannot be read", "export it as JPEG")]
    monkeypatch.setattr(inbox, "left_out_files", lambda *_: left_out)
    assert client.put("/inbox/IMG.png", content=PICTURE).status_code == 200


def test_a_second_copy_of_a_painting_is_refused(client, painted):
    data = painted.lake.read("wikiart_paintings/a1.png")
    answer = client.put("/inbox/copy.png", content=data)
    assert answer.status_code == 409
    assert "has the same bytes as wikiart_paintings/a1.png" in answer.json()["error"]
    assert not painted.lake.exists("inbox/copy.png")


def test_an_inbox_that_nobody_may_make_is_empty(client, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    assert client.get("/inbox").status_code == 200


def test_a_painting_that_has_the_id_is_named(client):
    answer = client.put("/inbox/A1.png", content=PICTURE)
    assert answer.status_code == 409
    assert "same id as wikiart_paintings/a1.png: rename it" in answer.json()["error"]


def test_a_file_in_a_folder_has_the_id_that_it_is_listed_with(client, painted, monkeypatch):
    painted.lake.write("inbox/a/1.png", PICTURE)
    row = SimpleNamespace(listed=SimpleNamespace(sha256="another", path="inbox_paintings/1.png"))
    monkeypatch.setattr(client.desk.index, "rows", lambda: {"1": row})
    answer = client.put("/inbox/1.jpg", content=PICTURE)
    assert answer.status_code == 409
    assert "a/1.png" in answer.json()["error"]
    monkeypatch.setattr(client.desk.index, "rows", dict)  # with two it gets that of its folder
    assert client.put("/inbox/1.jpg", content=PICTURE).status_code == 200


def test_what_was_left_out_is_listed_with_the_reason(client, painted):
    table = pd.DataFrame(
        [{"file": "broken.jpg", "source": "inbox", "status": "quarantined",
          "reason": "broken.jpg is a text: replace the file"}]
    )  # fmt: skip
    painted.lake.write("inbox_paintings/catalogue.parquet", to_parquet(table))
    painted.lake.write("masks/a2.png", b"")
    page = client.get("/inbox").text
    assert "inbox/broken.jpg</td><td>is a text</td><td>replace the file" in page
    assert "masks/a2.png" in page and "the nearest is a1.png" in page


def test_a_file_in_a_folder_has_a_link_to_its_painting(client, painted, monkeypatch):
    for name in ("a/1.png", "b/1.png", "2.png"):
        painted.lake.write(f"inbox/{name}", PICTURE)
    monkeypatch.setattr(client.desk.index, "rows", lambda: dict.fromkeys(["a_1", "2"]))
    names = {each["name"]: each["id"] for each in waiting_and_left_out(client.desk)["files"]}
    assert names == {"2.png": "2", "a/1.png": "a_1", "b/1.png": ""}
