"""A small lake as the pipeline leaves it, and a client of a desk over it."""

import io
import json
import shutil
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from starlette.testclient import TestClient

from deepart_assets.desk.app import create_app
from deepart_assets.desk.desk import Desk, DeskOptions
from deepart_assets.desk.security import CSRF
from deepart_assets.errors import PaintingError
from deepart_assets.imaging import encode_png, preview_uri
from deepart_assets.settings import load_settings
from deepart_assets.settings.outpainting import Telea
from deepart_assets.settings.segmenters import Described
from deepart_assets.storage import (
    Lake,
    MaterializationStore,
    Provenance,
    StageResult,
    compute_and_record,
    sha256_of,
)
from deepart_assets.wikiart.catalogue import to_parquet
from deepart_assets_tests.conftest import draw_painting

STYLES = ("Realism", "Symbolism")


class PaintedLake:
    """A data lake with the records and files that a restoration leaves."""

    def __init__(self, root, rows: Sequence[dict[str, Any]] = ()) -> None:
        self.lake = Lake(root)
        self.store = MaterializationStore(self.lake)
        self.rows = list(rows)

    def add(self, key: str, *, title="", artist="", style="Realism", size=(200, 160)) -> None:
        data = encode_png(draw_painting(len(self.rows), *size))
        stored = self.lake.write(f"wikiart_paintings/{key}.png", data)
        self.rows.append(
            {"id": key, "file": f"{key}.png", "path": stored.path, "sha256": stored.sha256,
             "width": size[1], "height": size[0], "artist": artist, "title": title,
             "style": style, "genre": "portrait", "date": "1889"}
        )  # fmt: skip
        self.list()

    def list(self) -> None:
        table = to_parquet(pd.DataFrame(self.rows))
        self.record("styled_paintings", "_whole", {"styled_paintings/paintings.parquet": table}, {})

    def record(self, asset, key, files, inputs, **result: Any) -> None:
        compute_and_record(
            self.store, asset, Provenance("1", {}, inputs), lambda: StageResult(files, **result),
            key=key, known=self.store.get(asset, key),
        )  # fmt: skip

    def fail(self, asset, key, reason: str) -> None:
        def make() -> StageResult:
            raise PaintingError(reason)

        compute_and_record(self.store, asset, Provenance("2", {}, {}), make, key=key, known=None)

    def version(self, asset, key) -> str:
        return self.store.done(asset, key).data_version

    def restore(self, key: str, stages: Sequence[str] = ("mask", "results")) -> None:
        picture = np.array(Image.open(io.BytesIO(self.lake.read(f"wikiart_paintings/{key}.png"))))
        mask = np.zeros(picture.shape[:2], np.uint8)
        mask[40:, 40:120] = 255
        original = sha256_of(self.lake.read(f"wikiart_paintings/{key}.png"))
        drawn = (
            {"curated_masks": sha256_of(self.lake.read(f"masks/{key}.png"))}
            if self.lake.exists(f"masks/{key}.png")
            else {}
        )
        if "mask" in stages:
            figures = {"confidence": 0.9, "segmenter": "drawn"}
            self.record("predicted_masks", key, {f"predicted_masks/{key}.png": encode_png(mask)},
                        {"original": original}, figures=figures)  # fmt: skip
            predicted = self.version("predicted_masks", key)
            figures = {"mask_from": "curator" if drawn else "drawn", "preview": preview_uri(mask)}
            self.record("subject_masks", key, {f"subject_masks/{key}.png": encode_png(mask)},
                        {"original": original, "predicted_masks": predicted, **drawn},
                        figures=figures)  # fmt: skip
        if "results" in stages:
            rgba = np.dstack([picture, mask])
            inputs = {"subject_masks": self.version("subject_masks", key)}
            self.record("unfinished_paintings", key,
                        {f"unfinished_paintings/{key}.png": encode_png(rgba)}, inputs)  # fmt: skip
            inputs = {"unfinished_paintings": self.version("unfinished_paintings", key)}
            result = np.where(mask[..., None] > 0, picture, 90).astype(np.uint8)
            self.record("telea_outpaintings", key,
                        {f"telea_outpaintings/{key}.png": encode_png(result)}, inputs,
                        figures={"seed": 7, "seam_score": 1.5})  # fmt: skip
            inputs = {"telea_outpaintings": self.version("telea_outpaintings", key)}
            large = np.repeat(np.repeat(result, 4, axis=0), 4, axis=1)
            self.record("telea_upscaled", key,
                        {f"telea_upscaled/{key}.png": encode_png(large)}, inputs)  # fmt: skip


def ten_thousand(folder) -> PaintedLake:
    """A lake of as many paintings, of one original and with records in the index alone."""
    made = PaintedLake(folder)
    data = encode_png(draw_painting(1, 50, 40))
    original = made.lake.write("wikiart_paintings/a.png", data)
    row = {"path": original.path, "sha256": original.sha256, "width": 4, "height": 5,
           "style": "Realism", "genre": "", "date": "1889"}  # fmt: skip
    made.rows = [
        {"id": f"p{n}", "title": f"Painting {n}", "artist": f"Artist {n % 700}", **row}
        for n in range(10_000)
    ]
    made.list()
    short = {"status": "done", "fingerprint": "f" * 64, "reason": None, "transient": False,
             "verdict": None, "doubt": None, "seconds": 1.0,
             "made_at": "2026-11-28T05:58:08"}  # fmt: skip
    for asset in ("subject_masks", "telea_outpaintings"):
        records = folder / "records" / asset
        records.mkdir(parents=True)
        lines = []
        for n in range(10_000):
            file = records / f"p{n}.json"
            file.touch()
            files = [(f"{asset}/p{n}.png", f"{n:064x}", 5, "5 5")]
            stamp = f"0 {file.stat().st_mtime_ns}"
            lines.append(f"p{n}\t{stamp}\t{json.dumps({**short, 'files': files})}\n")
        made.lake.write(f"registers/{asset}.tsv", "".join(lines).encode())
    return made


@pytest.fixture
def settings():
    return load_settings("sample").model_copy(
        update={"outpainters": {"telea": Telea(kind="telea")}}
    )


@pytest.fixture
def described(settings):
    """With a segmenter that reads texts."""
    segmentation = settings.segmentation.model_copy(
        update={"segmenter": Described(kind="described")}
    )
    object.__setattr__(settings, "segmentation", segmentation)


@pytest.fixture(scope="session")
def original_lake(tmp_path_factory):
    made = PaintedLake(tmp_path_factory.mktemp("painted") / "lake")
    made.add("a1", title="Vase of Flowers", artist="Odilon Redon", style="Symbolism")
    made.add("b.2_ö", title="<script>alert(1)</script>", artist="Édouard Manet")
    made.restore("a1")
    return made


@pytest.fixture
def painted(original_lake, tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPART_CACHE", str(tmp_path / "cache"))
    shutil.copytree(original_lake.lake.url, tmp_path / "lake")
    return PaintedLake(tmp_path / "lake", original_lake.rows)


@pytest.fixture
def open_desk(settings, painted):
    """Open a client of a desk over the painted lake."""

    def open_(**options: Any) -> TestClient:
        desk = Desk(settings, painted.lake, DeskOptions(**options))
        client = TestClient(create_app(desk), base_url="http://127.0.0.1:3001")
        client.headers[CSRF] = desk.csrf
        client.desk = desk  # type: ignore[attr-defined]
        return client

    return open_


@pytest.fixture
def client(open_desk):
    return open_desk()
