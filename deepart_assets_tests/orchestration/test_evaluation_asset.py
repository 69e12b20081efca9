"""The evaluation in Dagster: its files, what the UI shows, its checks, when it is made again."""

import base64
import hashlib
import io
import json
from datetime import timedelta

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from deepart_assets.assets.evaluation import art_esrgan_evaluation
from deepart_assets.assets.lr_hr_pairs import lr_hr_pairs
from deepart_assets.imaging import decode_rgb, encode_png
from deepart_assets.orchestration.asset_factory import build_asset
from deepart_assets.orchestration.resources import profile_resource
from deepart_assets.settings import load_settings
from deepart_assets.settings.places import PROJECT
from deepart_assets.storage import Provenance, StageResult, materialize_if_stale, records
from deepart_assets.super_resolution.data.degradation import matlab_bicubic_enlarge
from deepart_assets.super_resolution.data.pairs import Pair
from deepart_assets.super_resolution.evaluation.claims import CLAIMS
from deepart_assets.super_resolution.evaluation.crops import detail
from deepart_assets.super_resolution.evaluation.metrics import psnr_y
from deepart_assets.super_resolution.weights import read_state, to_bytes
from deepart_assets.wikiart.catalogue import to_parquet
from deepart_assets_tests.conftest import was_computed
from deepart_assets_tests.super_resolution.shipped import NAMES, middle_of
from deepart_assets_tests.super_resolution.test_candidates import weights as small_network

BASE = (PROJECT / "data" / "models" / "art_psnr_32_6.safetensors").read_bytes()


def put_weights(project, name, weights):
    materialize_if_stale(
        project.store,
        name,
        Provenance(hashlib.sha256(weights).hexdigest()),
        lambda: StageResult({f"{name}/weights.safetensors": weights}),
    )


def changed(name, change):
    """The bundled network with one of its tensors changed."""
    state = read_state(BASE, "the bundled network")
    state[name] = change(state[name])
    return to_bytes(state, {})


def noisy():
    """A network whose last filters are a little wrong, but not in the colour of even areas."""
    generator = torch.Generator().manual_seed(0)

    def change(weight):
        wrong = torch.randn(weight.shape, generator=generator) * weight.std() * 0.3
        return weight + wrong - wrong.mean(dim=(2, 3), keepdim=True)

    return changed("conv_last.weight", change)


@pytest.fixture
def trained(project):
    """Two test paintings, a base and a "GAN", all real but for the training."""
    rows = []
    for number, name in enumerate(NAMES[:2]):
        file = project.lake.write(
            f"wikiart_paintings/p{number}.png", encode_png(middle_of(name, 240))
        )
        rows.append(
            {"id": f"p{number}", "path": file.path, "sha256": file.sha256, "split": "test"}
            | {"left": 0, "top": 0, "right": 240, "bottom": 240, "artist": "A", "style": "S"}
        )
    project.content["super_resolution"].pop("data_set")  # chosen here
    project.content["super_resolution"]["pairs"]["hr_side"] = 240
    table = to_parquet(pd.DataFrame(rows))
    recipe = Provenance("1")
    materialize_if_stale(
        project.store,
        "wikiart_sr",
        recipe,
        lambda: StageResult({"wikiart_sr/paintings.parquet": table}),
    )
    put_weights(project, "psnr_weights", BASE)
    put_weights(project, "art_esrgan", noisy())
    return project


def materialize(project, instance, *assets):
    settings = load_settings(str(project.write_profile()))
    resource = profile_resource(settings, str(project.root))
    result = dg.materialize(
        [build_asset(each, settings) for each in (*assets, art_esrgan_evaluation)],
        resources={"profile": resource},
        instance=instance,
        raise_on_error=False,
    )
    assert result.success
    return result


def figures(project):
    return project.store.done("art_esrgan_evaluation").figures


def shown(result):
    made = result.asset_materializations_for_node("art_esrgan_evaluation")
    if not made:
        return {"made": "reused"}  # Dagster knows it
    return {name: value.value for name, value in made[0].metadata.items()}


def checks(result):
    return {
        each.check_name: each.passed
        for each in result.get_asset_check_evaluations()
        if each.asset_key.to_user_string() == art_esrgan_evaluation.name
    }


def picture_of(markdown):
    data = markdown.split("base64,", 1)[1].rstrip(")")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


@pytest.mark.slow
def test_the_table_the_pictures_and_the_checks(trained, instance):
    result = materialize(trained, instance, lr_hr_pairs)
    rows = json.loads(trained.lake.read("reports/art_esrgan_evaluation.json"))["rows"]
    names = ["bicubic", "psnr_weights", "interpolation 0.5", "art_esrgan"]
    assert [row["name"] for row in rows] == names
    columns = ["name", "psnr_y", "ssim_y", "psnr_rgb", "ssim_rgb", "niqe", "seconds"]
    assert all(list(row) == columns for row in rows)
    each = json.loads(trained.lake.read("reports/art_esrgan_evaluation_paintings.json"))["rows"]
    assert len(each) == 2 * len(names)

    # Against files of the lake, read and computed apart.
    pairs = [
        Pair(
            f"p{n}",
            "test",
            *(
                np.asarray(Image.open(trained.root / f"lr_hr_pairs/test/{kind}/p{n}.tiff"))
                for kind in ("lr", "hr")
            ),
        )
        for n in (0, 1)
    ]
    bicubic = [psnr_y(matlab_bicubic_enlarge(pair.lr), pair.hr) for pair in pairs]
    assert rows[0]["psnr_y"] == pytest.approx(np.mean(bicubic))
    assert rows[1]["psnr_y"] > rows[0]["psnr_y"]
    assert rows[1]["psnr_y"] > rows[2]["psnr_y"] > rows[3]["psnr_y"]

    sheet = decode_rgb(trained.lake.read("art_esrgan_evaluation/crops.png"), "crops")
    for pair in pairs:
        part = detail(pair, 256)
        assert part.hr(pair).shape == (240, 240, 3)
        starts = np.argwhere((sheet == part.hr(pair)[0, 0]).all(axis=2))
        assert any(
            np.array_equal(sheet[y : y + 240, x : x + 240], part.hr(pair)) for y, x in starts
        )

    reported = shown(result)
    assert "| bicubic |" in reported["metrics"]
    assert "colour_shift_at" in reported["artefacts"]
    plot = picture_of(reported["fidelity_and_naturalness"])
    assert len(np.unique(plot.reshape(-1, 3), axis=0)) > 10
    assert reported["left_out"]["lpips"].startswith("no LPIPS: ")
    assert "lpips" not in reported
    assert set(checks(result)) == {claim.name for claim in CLAIMS}
    assert checks(result)["base_is_faithful"]
    assert checks(result)["no_colour_shift"]
    assert checks(result)["no_checkerboard"]


@pytest.mark.slow
def test_faults_of_the_networks_are_found(trained, instance):
    put_weights(trained, "psnr_weights", noisy())
    # A cast: six levels more of green everywhere.
    cast = torch.tensor([0.0, 6 / 255, 0.0])
    put_weights(trained, "art_esrgan", changed("conv_last.bias", lambda bias: bias + cast))
    result = materialize(trained, instance, lr_hr_pairs)
    assert not checks(result)["no_colour_shift"]
    assert "art_esrgan/p0" in figures(trained)["faults"]["no_colour_shift"]
    assert checks(result)["no_checkerboard"]
    rows = {row["name"]: row for row in figures(trained)["metrics"]}
    for name, held in (
        ("base_is_faithful", rows["psnr_weights"]["psnr_y"] > rows["bicubic"]["psnr_y"]),
        (
            "art_esrgan_is_natural",
            rows["art_esrgan"]["niqe"] < min(rows[n]["niqe"] for n in ("bicubic", "psnr_weights")),
        ),
    ):
        assert checks(result)[name] == held


@pytest.mark.slow
def test_it_is_made_again_when_what_it_depends_on_changes_and_only_then(trained, instance):
    for seed, name in enumerate(("psnr_weights", "art_esrgan")):
        put_weights(trained, name, small_network(seed=seed))
    chosen = trained.content["super_resolution"]
    chosen["evaluation"] = {"interpolations": [], "crop": 200}
    assert was_computed(shown(materialize(trained, instance, lr_hr_pairs))["made"])
    assert shown(materialize(trained, instance))["made"].startswith("reused")
    chosen["evaluation"]["detail"] = 128
    assert was_computed(shown(materialize(trained, instance))["made"])
    chosen["upscaling"]["tile"] = 64
    assert was_computed(shown(materialize(trained, instance))["made"])
    assert shown(materialize(trained, instance))["made"].startswith("reused")


@pytest.mark.slow
def test_a_network_that_was_away_is_compared_once_it_is_there(
    trained, instance, site, pauses, monkeypatch
):
    monkeypatch.setenv("DEEPART_CACHE", str(trained.folder / "cache"))
    for seed, name in enumerate(("psnr_weights", "art_esrgan")):
        put_weights(trained, name, small_network(seed=seed))
    trained.content["super_resolution"]["evaluation"] = {
        "interpolations": [],
        "crop": 200,
        "peers": {"other": {"kind": "url", "url": f"{site.url}/x4.safetensors"}},
    }
    assert was_computed(shown(materialize(trained, instance, lr_hr_pairs))["made"])
    assert "x4.safetensors could not be" in figures(trained)["left_out"]["other"]
    assert shown(materialize(trained, instance))["made"].startswith("reused"), "for a week"
    monkeypatch.setattr(records, "RESTS", timedelta(0))
    site.files["x4.safetensors"] = small_network(seed=2)
    assert was_computed(shown(materialize(trained, instance))["made"])
    assert figures(trained)["metrics"][-1]["name"] == "other"
    assert shown(materialize(trained, instance))["made"].startswith("reused")


@pytest.mark.slow
def test_lpips_is_a_column_where_its_backbone_is_there(trained, instance, tmp_path):
    pytest.importorskip("lpips")
    from deepart_assets.compat import prepare

    prepare()
    from torchvision.models import squeezenet1_1

    torch.manual_seed(1)
    file = tmp_path / "backbone.pth"
    torch.save(squeezenet1_1(weights=None).state_dict(), file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    chosen = trained.content["super_resolution"]["evaluation"]
    chosen |= {"crop": 200, "interpolations": []}
    chosen["lpips"] = {"path": str(file), "sha256": digest}
    reported = shown(materialize(trained, instance, lr_hr_pairs))
    assert reported["lpips"] == f"squeeze {digest}"
    assert "lpips" not in reported["left_out"]
    rows = {row["name"]: row["lpips"] for row in figures(trained)["metrics"]}
    assert 0 < rows["psnr_weights"] < rows["bicubic"]
    # The same file elsewhere is the same; without it there is no column, and that is another table.
    moved = file.rename(tmp_path / "moved.pth")
    chosen["lpips"]["path"] = str(moved)
    assert shown(materialize(trained, instance))["made"].startswith("reused")
    moved.unlink()
    reported = shown(materialize(trained, instance))
    assert was_computed(reported["made"])
    assert str(moved) in reported["left_out"]["lpips"]
    assert "lpips" not in figures(trained)["metrics"][0]
