"""Checkpoints in every layout, written from known tensors, give the same generator."""

from ast import literal_eval

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from deepart_assets.errors import UnavailableError
from deepart_assets.outpainting.comodgan import layouts
from deepart_assets.outpainting.comodgan.spec import spec_for
from deepart_assets.outpainting.comodgan.weights import (
    build_generator,
    generator_shapes,
    read_weights,
)
from deepart_assets.storage import sha256_of
from deepart_assets.storage.tensor_files import to_bytes
from deepart_assets_tests.outpainting.comodgan.published import (
    rows,
    shgan_tensors,
    tensorflow_pickle,
    tensorflow_variables,
    zeng_tensors,
)
from deepart_assets_tests.outpainting.comodgan.small import SIDE, inputs, plain_state, tiny


@pytest.fixture(scope="module")
def network():
    return tiny(SIDE)


@pytest.fixture(scope="module")
def state(network):
    return plain_state(network)


@pytest.fixture(scope="module")
def official(state):
    other = tensorflow_variables(tiny(SIDE, seed=5).state_dict(), SIDE)
    return tensorflow_pickle(tensorflow_variables(state, SIDE), other)


def painted(network, noise=True):
    pictures, known, z, drawn = inputs(network.spec)
    with torch.inference_mode():
        return network(pictures, known, network.mapping(z), drawn if noise else None)


# --- the table -----------------------------------------------------------------------------------


def hollow(shape):
    """An array of a large shape that takes no memory."""
    return np.broadcast_to(np.float32(0), literal_eval(shape))


def test_every_tensor_of_the_table_finds_its_place():
    table = list(rows())
    expected = {ours: tuple(literal_eval(shape)) for ours, shape, *_ in table}
    assert expected == generator_shapes(spec_for(512))
    found = layouts.from_tensorflow(
        {tf.removesuffix(" (+1)"): hollow(shape) for *_, tf, shape, _ in table}
    )
    assert {name: value.shape for name, value in found.items()} == expected
    layout, found = layouts.from_torch(
        {zeng: hollow(shape) for _, _, zeng, shape, *_ in table if zeng != "-"}
    )
    kept = {
        name: shape
        for name, shape in expected.items()
        if not name.endswith(("noise_const", "w_avg"))
    }
    assert layout == "zeng"
    assert {name: value.shape for name, value in found.items()} == kept


# --- reading -------------------------------------------------------------------------------------


def test_the_official_pickle(network, official, tmp_path):
    file = tmp_path / "official.pkl"
    file.write_bytes(official)
    weights = read_weights(file)
    assert weights.spec == network.spec
    assert weights.provenance == {
        "layout": "tensorflow",
        "resolution": str(SIDE),
        "source_sha256": sha256_of(official),
    }
    read = build_generator(weights)
    assert not read.training
    # The bias of a style has lost and got its 1 again: not to the last bit.
    assert torch.allclose(painted(read), painted(network), atol=1e-4)
    assert torch.allclose(painted(read, False), painted(network, False), atol=1e-4)
    assert torch.equal(read.mapping.w_avg, network.mapping.w_avg)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_protocols_and_old_names_of_numpy(network, state, tmp_path, protocol):
    variables = tensorflow_variables(state, SIDE)
    data = tensorflow_pickle(variables, variables, protocol=protocol)
    old = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    if protocol == 4:  # where lengths of names are written in front of them
        old = data.replace(b"\x8c\x16numpy._core.multiarray", b"\x8c\x15numpy.core.multiarray")
        # Frames have lengths of their own, which count what is in them.
        start = data[:11]
        assert start[2:3] == b"\x95"
        shorter = int.from_bytes(start[3:11], "little") - (len(data) - len(old))
        old = old[:3] + shorter.to_bytes(8, "little") + old[11:]
    for each in (data, old):
        (tmp_path / "a.pkl").write_bytes(each)
        read = build_generator(read_weights(tmp_path / "a.pkl"))
        assert torch.allclose(painted(read), painted(network), atol=1e-4)


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrapper", [None, "g_ema", "state_dict"])
def test_the_layout_of_zengxianyu(network, state, tmp_path, prefix, wrapper):
    tensors = zeng_tensors(state, SIDE, prefix)
    file = tmp_path / "co-mod-gan.pth"
    torch.save({wrapper: tensors, "iter": 3} if wrapper else tensors, file)
    weights = read_weights(file)
    assert weights.provenance["layout"] == "zeng"
    assert weights.provenance["estimated"] == "w_avg, noise_const"
    assert torch.equal(painted(build_generator(weights)), painted(network))


def test_what_a_layout_lacks_is_filled_up_alike(network, state, tmp_path):
    torch.save(zeng_tensors(state, SIDE), tmp_path / "a.pth")
    first, again = (read_weights(tmp_path / "a.pth").tensors for _ in range(2))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    z = torch.randn(20_000, network.spec.latent, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        w = network.mapping(z)
    error = 5 * w.std(0) / 4096**0.5
    assert bool(((torch.from_numpy(first["mapping.w_avg"]) - w.mean(0)).abs() < error).all())
    noise = first[f"synthesis.b{SIDE}.conv1.noise_const"]
    assert noise.shape == (SIDE, SIDE) and 0.9 < noise.std() < 1.1


@pytest.mark.parametrize("legacy", [False, True])
def test_the_layout_of_sh_gan_and_mi_gan(network, state, tmp_path, legacy):
    file = tmp_path / "comodgan_32.pt"
    torch.save(shgan_tensors(state), file, _use_new_zipfile_serialization=not legacy)
    weights = read_weights(file)
    assert weights.provenance["layout"] == "shgan" and "estimated" not in weights.provenance
    read = build_generator(weights)
    assert torch.equal(painted(read), painted(network))
    assert torch.equal(painted(read, False), painted(network, False))


def test_all_layouts_become_one_file(network, state, official, tmp_path):
    (tmp_path / "a.pkl").write_bytes(official)
    torch.save(shgan_tensors(state), tmp_path / "c.pt")
    save_file(state, tmp_path / "d.safetensors")
    files = [tmp_path / name for name in ("a.pkl", "c.pt", "d.safetensors")]
    own = []
    for file in files:
        weights = read_weights(file)
        data = to_bytes(weights.state(), weights.provenance)
        assert data == to_bytes(weights.state(), weights.provenance)
        kept = tmp_path / "kept.safetensors"
        kept.write_bytes(data)
        again = read_weights(kept)
        assert again.provenance == weights.provenance  # of its source, not of our file
        assert again.tensors.keys() == weights.tensors.keys()
        assert all(np.array_equal(again.tensors[name], weights.tensors[name]) for name in state)
        own.append(painted(build_generator(again)))
    assert torch.equal(own[1], own[2])
    assert torch.allclose(own[0], own[1], atol=1e-4)


def test_half_the_bytes(network, state, tmp_path):
    whole, half = (to_bytes(state, {}, half=half) for half in (False, True))
    assert len(half) < 0.6 * len(whole)
    (tmp_path / "half.safetensors").write_bytes(half)
    read = build_generator(read_weights(tmp_path / "half.safetensors"))
    assert torch.allclose(painted(read), painted(network), atol=0.1)
    with pytest.raises(UnavailableError, match=r"mapping\.w_avg.*do not fit into float16.*float32"):
        to_bytes({"mapping.w_avg": torch.full((7,), 1e5)}, {}, half=True)
