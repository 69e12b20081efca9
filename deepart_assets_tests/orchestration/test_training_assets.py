"""The trainings in Dagster: interrupted, gone on with, shown, and tidied up after."""

import base64
import io

import dagster as dg
import numpy as np
import pytest
from PIL import Image

from deepart_assets.assets.lr_hr_pairs import lr_hr_pairs
from deepart_assets.assets.training import art_esrgan, psnr_weights
from deepart_assets.imaging import encode_png
from deepart_assets.orchestration.asset_factory import build_asset
from deepart_assets.orchestration.resources import profile_resource
from deepart_assets.settings import load_settings
from deepart_assets.storage import Provenance, StageResult, materialize_if_stale
from deepart_assets.super_resolution.training.tensorboard import TensorBoard
from deepart_assets.wikiart.catalogue import to_parquet
from deepart_assets_tests.conftest import was_computed
from deepart_assets_tests.super_resolution.pictures import texture


@pytest.fixture
def trainable(project):
    """Three paintings to train and one to validate with, large enough for NIQE."""
    import pandas as pd

    rows = []
    for number, split in enumerate(("train", "train", "valid", "test")):
        picture = encode_png(texture(240, 240, number))
        file = project.lake.write(f"wikiart_paintings/p{number}.png", picture)
        rows.append(
            {"id": f"p{number}", "path": file.path, "sha256": file.sha256, "split": split}
            | {"left": 0, "top": 0, "right": 240, "bottom": 240, "artist": "A", "style": "S"}
        )
    chosen = project.content["super_resolution"]
    chosen.pop("data_set")  # chosen here
    chosen["pairs"]["hr_side"] = 240
    for name in ("psnr_weights", "art_esrgan"):
        chosen[name] |= {"logger": {"checkpoint_seconds": 0}, "val": {"val_freq": 2}}
        chosen[name]["train"]["total_iter"] = 6
    chosen["psnr_weights"]["train"]["scheduler"] = {"periods": [6]}
    table = to_parquet(pd.DataFrame(rows))
    materialize_if_stale(
        project.store,
        "wikiart_sr",
        Provenance("1"),
        lambda: StageResult({"wikiart_sr/paintings.parquet": table}),
    )
    return project


def materialize(project, instance, *assets):
    settings = load_settings(str(project.write_profile()))
    resource = profile_resource(settings, str(project.root))
    return dg.materialize(
        [build_asset(each, settings) for each in assets],
        resources={"profile": resource},
        instance=instance,
        raise_on_error=False,
    )


def shown(result, asset):
    made = result.asset_materializations_for_node(asset)
    if not made:
        return {"made": "reused"}  # Dagster knows it
    return {name: value.value for name, value in made[0].metadata.items()}


def picture_of(markdown):
    data = markdown.split("base64,", 1)[1].rstrip(")")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


@pytest.mark.slow
@pytest.mark.parametrize("asset", [psnr_weights, art_esrgan], ids=["pixel", "adversarial"])
def test_an_interrupted_run_is_resumed_by_the_next(trainable, instance, monkeypatch, asset):
    if asset is art_esrgan:
        pytest.importorskip("efficientnet_lite_pytorch")
    name = asset.name
    before = [lr_hr_pairs] if asset is psnr_weights else [lr_hr_pairs, psnr_weights]
    assert materialize(trainable, instance, *before).success
    checkpoints = trainable.root / name / "checkpoint"
    show = TensorBoard.__call__

    def interrupt(board, step):
        show(board, step)
        if step.iteration == 4:
            raise RuntimeError("the machine goes down")

    with monkeypatch.context() as patch:
        patch.setattr(TensorBoard, "__call__", interrupt)
        assert not materialize(trainable, instance, asset).success
    assert len(list(checkpoints.iterdir())) == 1

    result = materialize(trainable, instance, asset)
    assert result.success
    figures = shown(result, name)
    assert figures["resumed_after"] == "3"
    assert not checkpoints.exists()
    assert len(list((trainable.root / name / "tensorboard").iterdir())) == 1
    assert picture_of(figures["curves"]).shape[2] in (3, 4)
    height, width = picture_of(figures["strip"]).shape[:2]
    assert width > 4 * height
    assert "checkpoint_seconds" not in figures["settings"]
    if asset is art_esrgan:
        assert figures["chosen"].startswith("lowest NIQE")
        assert figures["feature_network"] == "EfficientNet-Lite0"

    # One of other settings, tried since in the launchpad, is no reason to train again, and stays.
    tried = checkpoints / "of_other_settings.pt"
    checkpoints.mkdir()
    tried.write_bytes(b"a checkpoint")
    assert shown(materialize(trainable, instance, asset), name)["made"].startswith("reused")
    assert tried.exists()

    # How often checkpoints are written is no reason to train again; another rate is.
    chosen = trainable.content["super_resolution"][name]
    chosen["logger"]["checkpoint_seconds"] = 60
    assert shown(materialize(trainable, instance, asset), name)["made"].startswith("reused")
    chosen["train"]["optim_g"] = {"lr": 5e-5}
    again = shown(materialize(trainable, instance, asset), name)
    assert was_computed(again["made"])
    assert "resumed_after" not in again
    assert not checkpoints.exists()
