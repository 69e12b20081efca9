"""The whole graph with its data lake on S3: a server of this machine that speaks its protocol."""

import subprocess
import sys

import pytest

from deepart_assets.imaging import decode_rgb
from deepart_assets.settings.wikiart import Inbox
from deepart_assets.storage import Lake, MaterializationStore
from deepart_assets.wikiart.sources.inbox import open_inbox

KEYS = [f"p{number}" for number in range(5)]
STAGES = ["predicted_masks", "subject_masks", "telea_outpaintings", "restoration_sheets"]


@pytest.mark.slow
def test_from_pictures_to_gallery_on_a_bucket(project, instance, bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPART_CACHE", str(tmp_path / "cache"))
    project.root = f"{bucket}/lake"
    project.lake = Lake(project.root)
    project.store = MaterializationStore(project.lake)

    def run() -> dict[tuple[str, str], str]:
        for job in ("catalogue", "restore"):
            with project.run(job, instance) as result:
                assert result.success
        return {
            (stage, key): project.store.done(stage, key).made_at + str(seconds)
            for stage in STAGES
            for key in KEYS
            for seconds in [project.store.done(stage, key).seconds]
        }

    first = run()
    for key in KEYS:
        sheet = project.store.done("restoration_sheets", key)
        assert decode_rgb(project.lake.read(sheet.path), key).shape[2] == 3
    assert b"restoration_sheets/p4.jpg" in project.lake.read("gallery/paintings/p4.html")
    # Nothing of it is on this machine.
    own = {"pictures", "segmenter", "dagster", "cache"}
    assert {path.name for path in tmp_path.iterdir()} <= own | {
        path.name for path in tmp_path.glob("tiny_*.yaml")
    }

    assert run() == first

    # What is damaged in the bucket, or gone, is made again, to the same bytes, and nothing else is.
    outpainting = project.lake.read("telea_outpaintings/p2.png")
    project.lake.write("telea_outpaintings/p2.png", outpainting[:-20])
    project.lake.remove("subject_masks/p3.png")
    second = run()
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {("telea_outpaintings", "p2"), ("subject_masks", "p3")}
    assert project.lake.read("telea_outpaintings/p2.png") == outpainting


def test_a_picture_dropped_into_an_inbox_on_a_bucket_is_seen_at_once(bucket):
    lake = Lake(f"{bucket}/lake")

    def seen() -> list[str]:
        source = open_inbox(Inbox(), lake)
        return [picture.path for picture in source.pictures]

    assert seen() == []
    for number in (1, 2):
        # Another process: this one's client would know of what it writes itself.
        code = "import sys; from deepart_assets.storage import Lake; Lake(sys.argv[1]).write"
        drop = f"{code}('inbox/p{number}.png', b'a picture')"
        subprocess.run([sys.executable, "-c", drop, lake.url], check=True)
        assert seen() == [f"p{each}.png" for each in range(1, number + 1)]
