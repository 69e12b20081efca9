"""The data side of the `gpu` profile, from Kaggle's archives to the LR/HR pairs.

The profile is the shipped one, word for word; Kaggle is a server of this machine that fails on the
way, and the paintings are generated, at their real size.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from deepart_assets.imaging import decode_rgb
from deepart_assets.runs import run_job
from deepart_assets.storage import Lake, MaterializationStore
from deepart_assets.super_resolution.data.degradation import matlab_bicubic_reduce
from deepart_assets.wikiart.catalogue import from_parquet
from deepart_assets.wikiart.sr.split import owner_of, sides
from deepart_assets_tests.loopback import SECRET, Fault, Site, zipped

SIDE = 2048
PLAIN_ZIP = 0


def paint(seed: int, height: int, width: int) -> np.ndarray:
    """Something with detail at all scales, as paint on canvas has: uint8, height×width×3."""
    random = np.random.default_rng(seed)
    picture = np.full((height, width, 3), random.uniform(90, 160, 3), np.float32)
    side = 4
    while side < max(height, width):
        detail = random.normal(0, 22 if side < 256 else 9, (side, side, 3)).astype(np.float32)
        picture += cv2.resize(detail, (width, height), interpolation=cv2.INTER_CUBIC)
        side *= 4
    picture += random.normal(0, 7, (height, width, 1)).astype(np.float32)
    return np.clip(picture, 0, 255).astype(np.uint8)


def jpeg(picture: np.ndarray, quality: int = 95) -> bytes:
    ok, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert ok
    return data.tobytes()


def artists_of(side: str) -> Iterator[str]:
    """Names whose paintings stand on one side of the split with the profile's own settings."""
    for number in range(1000):
        name = f"Painter {chr(65 + number % 26)}{number // 26}"
        if sides([owner_of(name, "")], (300, 25, 25), 0) == [side]:
            yield name


@pytest.fixture
def competition(kaggle: Site, tmp_path, monkeypatch) -> Site:
    """Large paintings of every side of the split, and what else such archives hold."""
    monkeypatch.setenv("DEEPART_CACHE", str(tmp_path / "cache"))
    names = {side: artists_of(side) for side in ("train", "valid", "test")}
    rows, train, test = [], {}, {}

    def add(number: int, picture: bytes, artist: str, style: str, date: str = "1880.0") -> None:
        where = test if number % 2 else train
        where[f"{'test' if number % 2 else 'train'}/{number}.jpg"] = picture
        rows.append(
            {
                "artist": artist,
                "date": date,
                "genre": "landscape",
                "style": style,
                "title": f"No. {number}",
                "new_filename": f"{number}.jpg",
            }
        )

    first = next(names["train"])
    large = paint(1, SIDE, SIDE + 70)
    add(1, jpeg(large), first, "Realism")
    add(
        2,
        jpeg(
            cv2.copyMakeBorder(paint(2, SIDE + 8, SIDE + 40), 90, 90, 70, 70, 0, value=(244,) * 3)
        ),
        next(names["train"]),
        "Impressionism",
    )
    add(3, jpeg(paint(3, SIDE + 300, SIDE)), next(names["valid"]), "Realism")
    add(4, jpeg(paint(4, SIDE, SIDE)), next(names["test"]), "Baroque")
    enlarged = cv2.resize(paint(5, 700, 720), (SIDE + 60, SIDE), interpolation=cv2.INTER_CUBIC)
    add(5, jpeg(enlarged), next(names["train"]), "Realism")
    add(
        6,
        jpeg(cv2.resize(large, None, fx=1.1, fy=1.1, interpolation=cv2.INTER_AREA), 80),
        first,
        "Realism",
    )
    add(7, jpeg(paint(7, 300, 400)), first, "impressionism ")
    add(8, jpeg(large)[:100_000], first, "Realism")
    train["train/page.jpg"] = b"<html>not a picture</html>"
    kaggle.files = {
        "train.zip": zipped(train, PLAIN_ZIP),
        "test.zip": zipped(test, PLAIN_ZIP),
        "all_data_info.csv": pd.DataFrame(rows).to_csv(index=False).encode(),
    }
    return kaggle


@pytest.mark.slow
def test_from_kaggle_to_pairs(competition, instance, tmp_path, pauses, caplog):
    root = tmp_path / "lake"
    lake, store = Lake(root), MaterializationStore(Lake(root))
    competition.faults["train.zip"] = [
        Fault(status=429, retry_after="3"),
        Fault(cut=700_000),
        Fault(status=500),
        Fault(cut=1_500_000),
    ]
    competition.faults["test.zip"] = [Fault(drop=True), Fault(declared=5_000)]

    def run() -> bool:
        with run_job(instance, "data_set", profile="gpu", root=str(root)) as result:
            return result.success

    assert run()

    # The download went through every fault, brought no byte twice and showed no secret.
    assert 3.0 in pauses
    assert competition.sent("train.zip") == len(competition.files["train.zip"])
    assert lake.read_json("locks/kaggle/painter-by-numbers/train.zip.json")["size"] == len(
        competition.files["train.zip"]
    )
    assert SECRET not in caplog.text
    assert not _told_in(tmp_path / "dagster", SECRET)

    catalogue = from_parquet(lake.read("wikiart_paintings/catalogue.parquet")).set_index("id")
    assert sorted(catalogue.index[catalogue["status"] == "ok"]) == list("1234567")
    assert set(catalogue.index[catalogue["status"] == "quarantined"]) == {"8", "page"}
    assert catalogue.loc["3", ["height", "width", "style"]].tolist() == [
        SIDE + 300,
        SIDE,
        "Realism",
    ]

    kept = from_parquet(lake.read("styled_paintings/paintings.parquet"))
    assert sorted(kept["id"]) == list("123567")  # realism and impressionism, in any spelling
    assert sorted(instance.get_dynamic_partitions("paintings")) == list("123567")

    chosen = from_parquet(lake.read("wikiart_sr/paintings.parquet")).set_index("id")
    assert chosen["split"].to_dict() == {"1": "train", "2": "train", "3": "valid", "4": "test"}
    rejected = from_parquet(lake.read("wikiart_sr/rejected.parquet")).set_index("id")["reason"]
    assert "resolution" in rejected["5"] and "1" in rejected["6"]

    for painting, split in chosen["split"].items():
        hr, lr = (_pair(lake, split, kind, painting) for kind in ("hr", "lr"))
        assert min(hr.shape[:2]) == SIDE and not any(side % 4 for side in hr.shape[:2])
        assert (matlab_bicubic_reduce(hr) == lr).all()
    # What was cut off the second painting is its white border.
    assert _pair(lake, "train", "hr", "2").min(axis=2).max() < 244

    # A second night: nothing is asked for, decoded or made again.
    before = {asset: store.done(asset).made_at for asset in ("wikiart_paintings", "lr_hr_pairs")}
    requests = len(competition.requests)
    assert run()
    assert len(competition.requests) == requests
    assert before == {asset: store.done(asset).made_at for asset in before}


@pytest.mark.slow
def test_a_refusal_ends_the_run_with_the_remedy_and_without_the_secret(
    competition, instance, tmp_path
):
    competition.kaggle_status = 403
    with run_job(instance, "catalogue", profile="gpu", root=str(tmp_path / "lake")) as result:
        assert not result.success
    assert competition.authorizations, "Kaggle was asked"
    assert _told_in(tmp_path / "dagster", "accept the competition's rules")
    assert not _told_in(tmp_path / "dagster", SECRET)
    made = MaterializationStore(Lake(tmp_path / "lake"))
    assert made.get("wikiart_paintings") is None and made.get("styled_paintings") is None


def _told_in(folder: Path, text: str) -> bool:
    """Whether Dagster's history, of whatever kind, holds a text."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files
    return any(text.encode() in file.read_bytes() for file in files)


def _pair(lake: Lake, split: str, kind: str, painting: str) -> np.ndarray:
    found = [
        path
        for path in lake.list(f"lr_hr_pairs/{split}/{kind}")
        if path.rsplit("/", 1)[1].rsplit(".", 1)[0] == painting
    ]
    return decode_rgb(lake.read(found[0]), found[0])


@pytest.mark.slow
def test_kaggle_drive_and_an_inbox_together(competition, project, instance, monkeypatch):
    monkeypatch.setattr(
        "deepart_assets.storage.drive.DRIVE_URL", competition.url + "/uc?id={file_id}"
    )
    small = {number: jpeg(paint(number, 200, 160)) for number in range(20, 24)}
    competition.files |= {
        "train.zip": zipped({"train/20.jpg": small[20]}),
        "test.zip": zipped({"test/21.jpg": small[21]}),
        "realism": zipped(
            {"WikiArt/realism/22.jpg": small[22], "WikiArt/realism/21.jpg": small[20]}
        ),
    }
    (project.pictures / "again.jpg").write_bytes(small[22])
    project.content["wikiart"]["sources"] = {
        "kaggle": {"kind": "kaggle"},
        "drive": {"kind": "drive", "file_id": "realism"},
        "pictures": {"kind": "folder", "path": str(project.pictures)},
    }
    with project.run("catalogue", instance) as result:
        assert result.success
    table = from_parquet(project.lake.read("wikiart_paintings/catalogue.parquet"))
    ok = table[table["status"] == "ok"].set_index("id")
    assert ok["source"].to_dict() == {
        "20": "kaggle",
        "21": "kaggle",
        "22": "drive",
        **{f"p{n}": "pictures" for n in range(5)},
    }
    assert ok.loc["22", "style"] == "realism"
    refused = table[table["status"] != "ok"].set_index("source")["reason"]
    assert "21" in refused["drive"] and "22" in refused["pictures"]
