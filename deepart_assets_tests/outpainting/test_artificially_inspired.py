"""The CoModGAN outpainter from a file of weights to a painting, on small real networks."""

import zipfile

import cv2
import fsspec
import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.numpy import load_file

from deepart_assets.errors import PaintingError, UnavailableError
from deepart_assets.outpainting import Request, build_outpainter, outpaint, subject_difference
from deepart_assets.outpainting.comodgan import sources
from deepart_assets.outpainting.comodgan.refinement import grid
from deepart_assets.outpainting.comodgan.tiling import waves
from deepart_assets.outpainting.comodgan.weights import build_generator, read_weights
from deepart_assets.settings.outpainting import ArtificiallyInspired
from deepart_assets.storage import sha256_of, sha256_of_file
from deepart_assets.storage.tensor_files import to_bytes
from deepart_assets_tests.loopback import zipped
from deepart_assets_tests.outpainting.comodgan.published import (
    tensorflow_pickle,
    tensorflow_variables,
    zeng_tensors,
)
from deepart_assets_tests.outpainting.comodgan.small import inputs, narrow

SIDE = 64


@pytest.fixture(scope="module")
def network():
    return narrow(SIDE)


@pytest.fixture(scope="module")
def file(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("comodgan") / "small.safetensors"
    path.write_bytes(to_bytes(network.state_dict(), {"stage": "a test's"}))
    return path


def of_file(path, **more):
    weights = {"kind": "file", "path": str(path), **more.pop("weights", {})}
    return ArtificiallyInspired(kind="artificially_inspired", weights=weights, **more)


def of_drive(**weights):
    return ArtificiallyInspired(kind="artificially_inspired", weights={"kind": "drive", **weights})


@pytest.fixture
def build(file, downloads):
    return lambda **more: build_outpainter(of_file(file, **more), downloads)


def unfinished(height, width, seed=0):
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    rows, columns = np.mgrid[:height, :width]
    radius = min(height, width) / 4
    known = (rows - height * 0.6) ** 2 + (columns - width * 0.4) ** 2 < max(1, radius) ** 2
    return np.dstack([picture * known[..., None], known.astype(np.uint8) * 255])


def watched(painter):
    """What the network is given from now on: pictures, masks, w and noise of each call."""
    seen = []
    painter._network.register_forward_pre_hook(lambda network, given: seen.append(given))
    return seen


# --- a painting ----------------------------------------------------------------------------------


def test_what_is_painted_smaller_is_enlarged_by_the_network_that_is_given(file, downloads):
    given, seen = unfinished(101, 157), []

    def enlarger(picture):
        seen.append(picture)
        return np.repeat(np.repeat(picture, 4, axis=0), 4, axis=1)

    settings = of_file(file, scale=0.25, enlarge="network")
    [result] = build_outpainter(settings, downloads, enlarger=enlarger)(
        [Request(given[..., :3], given[..., 3] == 255, seed=3)]
    )
    assert [picture.shape for picture in seen] == [(25, 39, 3)]
    hole = given[..., 3] == 0
    wanted = cv2.resize(enlarger(seen[0]), (157, 101), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_array_equal(result[hole], wanted[hole])
    np.testing.assert_array_equal(result[~hole], given[..., :3][~hole])


def test_without_such_a_network_the_settings_are_refused(file, downloads):
    with pytest.raises(UnavailableError, match="set the outpainter's enlarge to bicubic"):
        build_outpainter(of_file(file, scale=0.25, enlarge="network"), downloads)


def test_at_full_size_there_is_nothing_for_such_a_network_to_enlarge(file):
    with pytest.raises(ValidationError, match=r"no effect with scale: 1, .* a smaller scale"):
        of_file(file, enlarge="network")


@pytest.mark.parametrize("size", [(64, 64), (20, 33), (64, 150), (150, 64), (131, 97), (5, 200)])
def test_any_size_is_painted_and_the_subject_stays(build, size):
    given = unfinished(*size)
    result = outpaint(build(), given, seed=3)
    assert result.shape == (*size, 3)
    assert subject_difference(given, result) == 0
    hole = result[given[..., 3] == 0]
    assert hole.std() > 1  # every hole pixel comes from the network, which is lively


def test_known_pixels_of_any_mask_stay(build):
    painter = build()
    random = np.random.default_rng(1)
    picture = random.integers(0, 256, (90, 110, 3), dtype=np.uint8)
    for share in (0.0002, 0.3, 0.98):
        known = random.random((90, 110)) < share
        known[0, 0] = True
        result = painter([Request(picture * known[..., None], known, seed=1)])[0]
        assert np.array_equal(result[known], picture[known])


def test_tiles_are_crops_of_the_painting(build):
    """Nothing is stretched or shifted: what the network sees are the picture's own pixels."""
    painter = build(batch=1, tiles="published")
    given = unfinished(64, 150)
    seen = watched(painter)
    result = outpaint(painter, given, seed=3)
    assert len(seen) >= 4
    picture, known, _, _ = seen[0]
    at = next(
        column
        for column in range(150 - 63)
        if np.array_equal(known[0, 0].numpy() > 0, given[:, column : column + 64, 3] > 0)
    )
    crop = given[:, at : at + 64, :3].astype(np.float32) / 127.5 - 1
    inside = known[0, 0].numpy() > 0
    assert np.allclose(picture[0].permute(1, 2, 0).numpy()[inside], crop[inside])
    # A later tile sees what was painted before as known.
    assert all(bool(given[1].mean() > 0.3) for given in seen[1:])
    assert result.shape == (64, 150, 3)


def test_one_latent_for_the_whole_painting_and_noise_for_each_tile(build):
    painter = build(tiles="published")
    seen = watched(painter)
    outpaint(painter, unfinished(150, 150), seed=3)
    outpaint(painter, unfinished(150, 150), seed=4)
    ws = torch.cat([given[2] for given in seen])
    assert len(torch.unique(ws, dim=0)) == 2
    noise = torch.cat([given[3][-1] for given in seen])
    assert len(torch.unique(noise.flatten(1), dim=0)) == len(noise)


def test_equal_seeds_equal_bytes(build):
    given = unfinished(100, 90)
    first, again = (outpaint(build(), given, seed=5) for _ in range(2))
    assert first.tobytes() == again.tobytes()
    assert outpaint(build(), given, seed=6).tobytes() != first.tobytes()
    painter = build()
    outpaint(painter, unfinished(64, 64), seed=1)
    assert outpaint(painter, given, seed=5).tobytes() == first.tobytes()


@pytest.mark.parametrize(("tiles", "most"), [("published", 2), ("refined", 4)])
def test_independent_tiles_are_painted_at_once_with_the_same_result(build, tiles, most):
    given = unfinished(64, 260)
    results, calls = [], []
    for batch in (1, 4):
        painter = build(batch=batch, tiles=tiles)
        seen = watched(painter)
        results.append(outpaint(painter, given, seed=2))
        calls.append([len(each[0]) for each in seen])
    assert max(calls[0]) == 1 and max(calls[1]) == most
    assert sum(calls[0]) == sum(calls[1]) > len(calls[1])
    # Sums in another order: a rounding here and there, which the next octave sees.
    difference = np.abs(results[0].astype(int) - results[1])
    assert difference.max() <= (2 if tiles == "published" else 8) and difference.mean() < 0.05


def test_the_whole_picture_is_painted_first_then_octave_by_octave(build):
    painter = build()
    seen = watched(painter)
    outpaint(painter, unfinished(64, 200), seed=2)
    # At 20×64, at 32×100 and at 64×200; a smaller picture lies in the middle of a tile.
    assert [len(each[0]) for each in seen] == [1, 2, 4]
    whole = seen[0][1][0, 0].numpy() > 0
    assert whole.any() and not whole[:22].any() and not whole[42:].any()
    # What the smaller size painted is known to the tiles.
    assert all(bool((each[1] == 1).all()) for each in seen[1:])


def test_no_border_of_a_tile_is_stronger_than_lines_elsewhere(build, file):
    """With the weights that ship with the project, and with random ones."""
    rows, columns = np.mgrid[:128, :300]
    known = (rows - 70) ** 2 + (columns - 120) ** 2 < 40**2
    shade = (120 + 40 * np.sin(rows / 40))[..., None] * np.array((1, 0.9, 0.7))
    given = Request(np.where(known[..., None], shade, 0).astype(np.uint8), known, seed=7)
    bundled = {"kind": "bundled", "name": "paintings_small"}
    for weights, side in (bundled, 128), ({"kind": "file", "path": str(file)}, 64):
        strength = {}
        for tiles in ("refined", "published"):
            settings = ArtificiallyInspired(
                kind="artificially_inspired", weights=weights, tiles=tiles
            )
            [painted] = build_outpainter(settings)([given])
            found = (
                grid(known, side)
                if tiles == "refined"
                else [tile for group in waves(known, side) for tile in group]
            )
            borders = {at for tile in found for at in (tile.column, tile.column + side)}
            strength[tiles] = border_strength(painted, known, borders - {0, 300})
        assert strength["refined"] < 1.5, strength
        assert strength["published"] > 2, strength


def border_strength(picture, known, borders):
    """The mean step across columns at borders over that elsewhere, along 16 pixels, unsigned."""
    luma = picture.mean(axis=2)
    step = np.diff(luma, axis=1)
    step = step[:, 1:-1] - (step[:, :-2] + step[:, 2:]) / 2  # a slope is no line
    free = ~(known[:, :-3] | known[:, 1:-2] | known[:, 2:-1] | known[:, 3:])
    parts = len(step) // 16
    step = np.abs(step[: parts * 16].reshape(parts, 16, -1).mean(axis=1))
    free = free[: parts * 16].reshape(parts, 16, -1).all(axis=1)
    at = np.isin(np.arange(step.shape[1]) + 2, list(borders))
    return step[:, at][free[:, at]].mean() / step[:, ~at][free[:, ~at]].mean()


def test_tone_moves_the_surround_and_not_the_subject(build):
    given = unfinished(SIDE, SIDE)
    request = Request(given[..., :3], given[..., 3] == 255, seed=3)
    without, toned = (build(tone=tone)([request])[0] for tone in (0, 1))
    assert np.array_equal(without[request.known], toned[request.known])
    assert not np.array_equal(without, toned)


def test_a_tile_is_what_the_network_paints(build, network):
    """64×64: exactly the generator's output, rounded, in the hole; its rim is mirrored."""
    painter = build(tone=0)
    given = unfinished(SIDE, SIDE)
    seen = watched(painter)
    result = outpaint(painter, given, seed=3)
    with torch.inference_mode():
        painted = network(*seen[0])[0].permute(1, 2, 0).numpy()
    far = np.zeros((SIDE, SIDE), bool)
    far[2:8, 2:-2] = True  # away from the subject and its seam, which is blended
    expected = np.clip(np.round((painted + 1) * 127.5), 0, 255)
    assert np.abs(result[far] - expected[far]).max() <= 1
    np.testing.assert_array_equal(result[[0, 1]], result[[4, 3]])


def test_scale_truncation_and_dropout_are_used(build):
    given = unfinished(128, 128)
    whole = outpaint(build(), given, seed=1)
    painter = build(scale=0.5)
    seen = watched(painter)
    small = outpaint(painter, given, seed=1)
    assert len(seen) == 1 and subject_difference(given, small) == 0
    others = [
        outpaint(build(**options), given, seed=1)
        for options in ({"truncation": 0.0}, {"dropout": True})
    ]
    assert len({each.tobytes() for each in (whole, small, *others)}) == 4
    again = outpaint(build(dropout=True), given, seed=1)
    assert again.tobytes() == others[1].tobytes()


@pytest.mark.parametrize(("precision", "mean"), [("float16", 1.0), ("bfloat16", 6.0)])
def test_reduced_precision_paints_nearly_the_same(build, precision, mean):
    given = unfinished(SIDE, SIDE)
    exact, reduced = (
        outpaint(build(precision=name), given, seed=1) for name in ("float32", precision)
    )
    if not torch.cuda.is_available():
        assert outpaint(build(), given, seed=1).tobytes() == exact.tobytes()  # auto
    assert 0 < np.abs(reduced.astype(int) - exact).mean() <= mean


def test_values_that_are_no_colours_are_told(network, tmp_path, downloads):
    state = {name: value.clone() for name, value in network.state_dict().items()}
    state["encoder.b64.fromrgb.weight"].fill_(1e38)
    (tmp_path / "w.safetensors").write_bytes(to_bytes(state, {}))
    painter = build_outpainter(of_file(tmp_path / "w.safetensors"), downloads)
    with pytest.raises(PaintingError, match="not finite"):
        outpaint(painter, unfinished(64, 64), seed=1)


# --- weights -------------------------------------------------------------------------------------


def test_weights_are_converted_once_and_their_hash_counts(network, tmp_path, downloads):
    state = network.state_dict()
    source = tmp_path / "a.pth"
    torch.save(zeng_tensors(state, SIDE), source)
    painter = build_outpainter(of_file(source), downloads)
    kept = list((downloads.cache / "comodgan").glob("*")) if downloads.cache.exists() else []
    assert not kept  # building reads nothing
    hashed = painter.weights_hash()
    (kept,) = (downloads.cache / "comodgan").glob("*")
    assert hashed == sha256_of_file(kept)
    before = kept.stat().st_mtime_ns
    assert build_outpainter(of_file(source), downloads).weights_hash() == hashed
    assert kept.stat().st_mtime_ns == before
    assert read_weights(kept).provenance["source_sha256"] == sha256_of_file(source)
    changed = {name: value + 0.01 for name, value in zeng_tensors(state, SIDE).items()}
    torch.save(changed, source)
    assert build_outpainter(of_file(source), downloads).weights_hash() != hashed


def test_the_published_archive(network, drive, downloads):
    variables = tensorflow_variables(network.state_dict(), SIDE)
    data = tensorflow_pickle(variables, variables)
    member = "track1_WikiArt_comodgan.pkl"
    drive.files["1gS6"] = zipped({f"checkpoint/{member}": data}, zipfile.ZIP_DEFLATED)
    drive.confirm = "form"
    painter = build_outpainter(of_drive(file_id="1gS6", member=member), downloads)
    converted = downloads.cache / "comodgan"
    hashed = painter.weights_hash()
    (kept,) = converted.glob("*")
    assert sha256_of_file(kept) == hashed
    assert read_weights(kept).provenance == {
        "layout": "tensorflow",
        "resolution": str(SIDE),
        "source_sha256": sha256_of(data),
    }
    pictures, known, z, noise = inputs(network.spec)
    with torch.inference_mode():
        found, expected = (
            each(pictures, known, each.mapping(z), noise)
            for each in (build_generator(read_weights(kept)), network)
        )
    assert torch.allclose(found, expected, atol=1e-3)
    assert outpaint(painter, unfinished(64, 64), seed=1).shape == (64, 64, 3)
    wrong = of_drive(file_id="1gS6", member="track1_FFHQ_comodgan.pkl")
    with pytest.raises(UnavailableError, match=r"holds no track1_FFHQ.*check the outpainter's"):
        build_outpainter(wrong, downloads).weights_hash()


def test_a_checkpoint_without_an_archive(network, file, drive, downloads):
    drive.files["1b3X"] = file.read_bytes()
    painter = build_outpainter(of_drive(file_id="1b3X"), downloads)
    kept = load_file(sources.fetch_weights(painter._settings.weights, downloads))
    assert painter.weights_hash()
    assert np.array_equal(kept["mapping.w_avg"], network.mapping.w_avg.numpy())


def test_a_checkpoint_behind_a_url(file, downloads):
    fsspec.filesystem("memory").pipe_file("/generators/a.safetensors", file.read_bytes())
    painter = build_outpainter(of_file("memory://generators/a.safetensors"), downloads)
    assert painter.weights_hash() == build_outpainter(of_file(file), downloads).weights_hash()
    with pytest.raises(UnavailableError, match=r"no file memory://generators/b\.pkl.*CoModGAN"):
        build_outpainter(of_file("memory://generators/b.pkl"), downloads).weights_hash()


def test_what_cannot_be_fetched_is_told(drive, downloads):
    with pytest.raises(UnavailableError, match=r"file none.*HTTP status 404.*save it as"):
        build_outpainter(of_drive(file_id="none"), downloads).weights_hash()


def test_the_projects_own(file, downloads, tmp_path, monkeypatch):
    monkeypatch.setattr(sources.FINDER, "folder", tmp_path)
    settings = ArtificiallyInspired(
        kind="artificially_inspired", weights={"kind": "bundled", "name": "small"}
    )
    with pytest.raises(
        UnavailableError, match=r"ships no weights .*small\.safetensors: set the outp"
    ):
        build_outpainter(settings, downloads).weights_hash()
    data = to_bytes(read_weights(file).state(), {"stage": "s"}, half=True)
    (tmp_path / "small.safetensors").write_bytes(data)
    painter = build_outpainter(settings, downloads)
    assert painter.weights_hash() == sha256_of(data)
    assert outpaint(painter, unfinished(64, 64), seed=1).shape == (64, 64, 3)


def test_files_that_are_missing_or_others(file, downloads, tmp_path):
    with pytest.raises(UnavailableError, match=r"There is no file .*nowhere\.pkl.*CoModGAN"):
        build_outpainter(of_file(tmp_path / "nowhere.pkl"), downloads).weights_hash()
    given = {"sha256": "0" * 64}
    with pytest.raises(UnavailableError, match=r"has the SHA-256 .*, not 0000"):
        build_outpainter(of_file(file, weights=given), downloads).weights_hash()
    right = {"sha256": sha256_of_file(file).upper()}
    assert build_outpainter(of_file(file, weights=right), downloads).weights_hash()
