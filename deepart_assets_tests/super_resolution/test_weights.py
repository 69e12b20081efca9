import io
import pickle
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepart_assets.compat import prepare
from deepart_assets.errors import UnavailableError
from deepart_assets.super_resolution.weights import (
    Spec,
    interpolate,
    load_network,
    provenance_of,
    read_state,
    spec_of,
    to_bytes,
    with_provenance,
)

SIZE = Spec(features=8, blocks=3, growth=4)


def basicsr_s(size):
    """The network as BasicSR builds it for training."""
    prepare()
    from basicsr.archs.rrdbnet_arch import RRDBNet

    return RRDBNet(3, 3, 4, size.features, size.blocks, size.growth)


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return basicsr_s(SIZE).state_dict()


def saved(content, **more):
    buffer = io.BytesIO()
    torch.save(content, buffer, **more)
    return buffer.getvalue()


def to_new(key):
    for ours, theirs in (
        ("conv_body", "trunk_conv"),
        ("conv_up", "upconv"),
        ("conv_hr", "HRconv"),
        ("body.", "RRDB_trunk."),
        (".rdb", ".RDB"),
    ):
        key = key.replace(ours, theirs)
    return key


def to_old(key):
    """Names of esrgan's flat Sequential, as traiNNer saves them."""
    block = re.fullmatch(r"body\.(\d)\.rdb(\d)\.conv(\d)\.(\w+)", key)
    if block:
        return "model.1.sub.{}.RDB{}.conv{}.0.{}".format(*block.groups())
    module, suffix = key.split(".")
    places = {
        "conv_first": "0",
        "conv_body": f"1.sub.{SIZE.blocks}",
        "conv_up1": "3",
        "conv_up2": "6",
        "conv_hr": "8",
        "conv_last": "10",
    }
    return f"model.{places[module]}.{suffix}"


@pytest.mark.parametrize("rename", [str, to_new, to_old], ids=["basicsr", "new", "old"])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrapper", [None, "params", "params_ema"])
def test_every_naming_is_read(state, rename, prefix, wrapper):
    content = {prefix + rename(key): value for key, value in state.items()}
    found = read_state(saved({wrapper: content} if wrapper else content), "a.pth")
    assert found.keys() == state.keys()
    assert all(found[key].equal(state[key]) for key in state)
    assert spec_of(found) == Spec(features=8, blocks=3, growth=4, scale=4)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"state_dict": s, "epoch": 3, "optimizer": {"state": {}}},
        lambda s: {"model_state_dict": s, "optimizer_state_dict": {"param_groups": []}},
        lambda s: {"net": s},
        lambda s: {"params-ema": s},
        lambda s: {f"netG.{key}": value for key, value in s.items()},
        lambda s: {f"_orig_mod.{key}": value for key, value in s.items()},
        lambda s: {"state_dict": {f"module._orig_mod.{key}": value for key, value in s.items()}},
        lambda s: {"model": {"state_dict": s}},
    ],
)
def test_checkpoints_of_trainers_are_unwrapped(state, wrap):
    found = read_state(saved(wrap(state)), "a.pth")
    assert all(torch.equal(found[key], value) for key, value in state.items())


def test_torchscript_and_pickled_modules_are_named():
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), file)
    with pytest.raises(UnavailableError, match=r"a TorchScript archive.*state_dict"):
        read_state(file.getvalue(), "a.pt")
    with pytest.raises(UnavailableError, match=r"a pickled module .*state_dict"):
        read_state(saved(torch.nn.ReLU()), "a.pth")


def test_the_moving_average_is_preferred(state):
    zeros = {key: torch.zeros_like(value) for key, value in state.items()}
    found = read_state(saved({"params": zeros, "params_ema": state}), "a.pth")
    assert found["conv_last.weight"].equal(state["conv_last.weight"])


def test_half_precision_becomes_single(state):
    halves = {key: value.half() for key, value in state.items()}
    assert read_state(saved(halves), "a.pth")["conv_first.bias"].dtype == torch.float32


def test_safetensors_round_trip_with_provenance(state):
    data = to_bytes(state, {"stage": "pixel", "base": "none"})
    assert provenance_of(data) == {"stage": "pixel", "base": "none"}
    assert to_bytes(dict(reversed(state.items())), {"base": "none", "stage": "pixel"}) == data
    assert provenance_of(saved(state)) == {}
    net = load_network(data)
    assert not net.training
    assert all(value.equal(state[key]) for key, value in net.state_dict().items())


def test_the_network_that_enlarges_computes_what_basicsrs_does(state):
    theirs, ours = basicsr_s(SIZE), load_network(to_bytes(state, {}))
    theirs.load_state_dict(state)
    picture = torch.rand(2, 3, 9, 12, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.equal(ours(picture), theirs(picture))


def test_provenance_is_added_and_the_tensors_stay(state):
    for half in (False, True):
        data = to_bytes(state, {"stage": "pixel", "device": "?"}, half=half)
        more = with_provenance(data, {"data_set": "12ab", "device": "cpu"})
        assert provenance_of(more) == {"stage": "pixel", "data_set": "12ab", "device": "cpu"}
        assert more == to_bytes(state, provenance_of(more), half=half)


def test_half_precision_halves_a_file_and_is_read_as_single(state):
    data = to_bytes(state, {"stage": "pixel"}, half=True)
    single = to_bytes(state, {"stage": "pixel"})
    values = sum(value.numel() for value in state.values())
    assert abs(len(single) - len(data) - 2 * values) < 200
    found = read_state(data, "a")
    assert all(value.dtype == torch.float32 for value in found.values())
    assert all(value.equal(state[key].half().float()) for key, value in found.items())
    assert provenance_of(data) == {"stage": "pixel"}
    large = {**state, "conv_hr.bias": torch.full((8,), 1e5)}
    with pytest.raises(UnavailableError, match=r"conv_hr\.bias has values .* float16"):
        to_bytes(large, {}, half=True)


@pytest.mark.parametrize("start", [b"\x80", b"PK"])
def test_safetensors_that_begin_like_a_pickle_or_an_archive_are_read(state, start):
    header = int.from_bytes(to_bytes(state, {"note": ""})[:8], "little")
    missing = (int.from_bytes(start, "little") - header) % 256 ** len(start)
    padded = to_bytes(state, {"note": "x" * missing})
    assert padded.startswith(start)
    assert read_state(padded, "a")["conv_hr.bias"].equal(state["conv_hr.bias"])


@pytest.mark.parametrize("header", [b"[]", b"{}", b'{"__metadata__": {"provenance": "[]"}}', b"{"])
def test_a_file_without_provenance_has_none(header):
    assert provenance_of(len(header).to_bytes(8, "little") + header) == {}


def without(state, key):
    return {name: value for name, value in state.items() if name != key}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: {"body.0.weight": s["conv_first.weight"]}, "SRVGG"),
        (lambda s: {**s, "f_HR_conv1.0.weight": s["conv_hr.weight"]}, "SPSR"),
        (
            lambda s: {**s, "model.1.sub.0.RDB1.conv1x1.weight": s["conv_hr.weight"]},
            r"ESRGAN\+",
        ),
        (lambda s: {**s, "conv_first.weight": torch.zeros(8, 12, 3, 3)}, "×2 variant"),
        (lambda s: {**s, "conv_last.weight": torch.zeros(1, 8, 3, 3)}, "3 channels and gives 1"),
        (lambda s: without(s, "body.1.rdb2.conv3.bias"), r"1 tensors .*body\.1\.rdb2\.conv3\.bias"),
        (lambda s: without(s, "conv_last.weight"), "convolution is missing"),
        (lambda s: {to_old(k).replace("10.", "12."): v for k, v in s.items()}, r"model\.12"),
        (lambda s: {"layer.weight": s["conv_hr.weight"]}, r"named layer\.weight"),
        (lambda s: {"state": 3}, "more than tensors"),
        (lambda s: {0: s["conv_hr.weight"]}, "more than tensors"),
        (lambda s: {**s, "module.conv_hr.bias": s["conv_hr.bias"]}, r"spare .*module\.conv_hr"),
        (lambda s: {**s, "conv_hr.bias": torch.zeros(8, dtype=torch.int8)}, "torch.int8, as quan"),
        (lambda s: {**s, "body.987654321.x": s["conv_hr.bias"]}, "names block 987654321"),
        (lambda s: {**s, "body.conv.weight": s["conv_hr.weight"]}, r"1 tensors .*body\.conv"),
        (lambda s: [1, 2], "no tensors by name"),
        (lambda s: {**s, "conv_hr.bias": torch.full((8,), torch.nan)}, "not finite"),
    ],
)
def test_other_networks_are_refused_with_the_reason(state, change, reason):
    with pytest.raises(UnavailableError, match=f"other.pth.*{reason}"):
        read_state(saved(change(dict(state))), "other.pth")


class Malice:
    def __reduce__(self):
        return (pytest.fail, ("code in a file of weights was run",))


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_code_in_a_file_is_not_run(protocol):
    for data in (saved({"params": Malice()}), pickle.dumps(Malice(), protocol=protocol)):
        with pytest.raises(
            UnavailableError,
            match=r"bad\.pth .*(which holds code; nothing of it was run|cannot be read)",
        ):
            read_state(data, "bad.pth")


@pytest.mark.parametrize("form", [saved, lambda s: to_bytes(s, {})], ids=["torch", "safetensors"])
@pytest.mark.parametrize("length", [0, 1, 20, 3000])
def test_a_file_cut_short_is_refused(state, form, length):
    with pytest.raises(UnavailableError, match=rf"cut\.pth \({length} bytes\).*fetch it again"):
        read_state(form(state)[:length], "cut.pth")


@settings(max_examples=60, deadline=None)
@given(form=st.sampled_from(["zip", "pickle", "safetensors"]), data=st.data())
def test_damaged_files_are_read_or_refused(form, data):
    small = {"conv_first.weight": torch.ones(4, 3, 3, 3), "conv_first.bias": torch.ones(4)}
    file = bytearray(to_bytes(small, {}))
    if form != "safetensors":
        file = bytearray(saved(small, _use_new_zipfile_serialization=form == "zip"))
    for _ in range(3):  # a legacy file's length varies with the addresses that it names
        file[data.draw(st.integers(0, 10**6)) % len(file)] = data.draw(st.integers(0, 255))
    assert isinstance(provenance_of(bytes(file)), dict)
    with pytest.raises(UnavailableError, match=r"a\.pth"):  # and it is no RRDBNet
        read_state(bytes(file), "a.pth")


def test_a_web_page_in_place_of_weights_is_named_as_one():
    with pytest.raises(UnavailableError, match=r"a\.pth is a web page"):
        read_state(b"\n <!DOCTYPE html><html>Sign in</html>", "a.pth")


def blend_of(first, second, share):
    return {key: (1 - share) * first[key] + share * second[key] for key in first}


@pytest.fixture(scope="module")
def other():
    torch.manual_seed(1)
    return basicsr_s(SIZE).state_dict()


def test_interpolation_mixes_each_weight(state, other):
    psnr, gan = to_bytes(state, {"stage": "pixel"}), to_bytes(other, {"stage": "adversarial"})
    for share in (0.0, 0.3, 1.0):
        found = interpolate(psnr, gan, share)
        expected = blend_of(state, other, share)
        assert all(value.equal(expected[key]) for key, value in read_state(found, "a").items())
        assert provenance_of(found) == {
            "stage": "interpolation",
            "alpha": str(share),
            "psnr_stage": "pixel",
            "gan_stage": "adversarial",
        }
    assert read_state(interpolate(psnr, gan, 0.0), "a")["conv_hr.bias"].equal(state["conv_hr.bias"])
    assert read_state(interpolate(psnr, gan, 1.0), "a")["conv_hr.bias"].equal(other["conv_hr.bias"])


def test_interpolation_takes_files_of_different_namings(state, other):
    old = saved({to_old(key): value for key, value in other.items()})
    mixed = read_state(interpolate(to_bytes(state, {}), old, 0.8), "a")
    expected = blend_of(state, other, 0.8)
    assert all(value.equal(expected[key]) for key, value in mixed.items())


def test_networks_of_two_sizes_are_not_interpolated(state):
    small = to_bytes(basicsr_s(Spec(features=8, blocks=2, growth=4)).state_dict(), {})
    with pytest.raises(UnavailableError, match=r"a \(.*blocks 3, .*b \(.*blocks 2, "):
        interpolate(to_bytes(state, {}), small, 0.5, ("a", "b"))
