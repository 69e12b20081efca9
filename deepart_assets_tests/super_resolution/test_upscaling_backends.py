"""Each backend computes what basicsr's forward computes."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from deepart_assets.errors import UnavailableError
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.rrdbnet import RRDBNet
from deepart_assets.super_resolution.upscaling.backend_choice import backend_for
from deepart_assets.super_resolution.upscaling.backends import TorchBackend
from deepart_assets.super_resolution.upscaling.openvino_backends import OpenVinoBackend
from deepart_assets.super_resolution.upscaling.upscaler import NetworkUpscaler, enlarge
from deepart_assets.super_resolution.weights import to_bytes

from .pictures import texture

on_cpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")


def lively(features, blocks, growth):
    """Random weights scaled so that every layer and every bias shows in the output."""
    torch.manual_seed(0)
    net = RRDBNet(features=features, blocks=blocks, growth=growth).eval()
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if weight.ndim == 1:
                weight.normal_(0, 0.02)
            else:
                weight.mul_(0.1 if name == "conv_last.weight" else 3)
    return net


@pytest.fixture(scope="module")
def net():
    return lively(16, 2, 8)


@pytest.fixture(scope="module")
def openvino(net):
    return OpenVinoBackend(net)


@pytest.fixture(scope="module", params=["torch", "openvino"])
def backend(request, net, openvino):
    return TorchBackend(net) if request.param == "torch" else openvino


def difference(net, backend, shape):
    picture = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = net(picture)
    made = backend(picture)
    assert made.dtype == torch.float32
    assert made.shape == expected.shape
    return float((made - expected).abs().max())


@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (1, 3, 45, 38), (2, 3, 7, 30), (1, 3, 64, 64)])
def test_any_shape_is_equal_to_basicsr_to_a_hundred_thousandth(net, backend, shape):
    assert difference(net, backend, shape) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("kind", [TorchBackend, OpenVinoBackend])
def test_the_papers_network_is_equal_to_basicsrs_to_a_hundred_thousandth(kind):
    net = lively(64, 23, 32)
    with torch.no_grad():
        net.conv_last.bias.zero_()
        net.conv_last.weight.mul_(0.5 / net(torch.rand(1, 3, 40, 40)).abs().max())
    assert difference(net, kind(net), (1, 3, 40, 40)) < 1e-5


def test_the_same_picture_gives_the_same_bytes_whatever_came_before(net, backend):
    first, other = torch.rand(1, 3, 33, 21), torch.rand(1, 3, 50, 64)
    made = backend(first).clone()
    backend(other)
    assert torch.equal(backend(first), made)


def test_openvino_compiled_again_gives_the_same_bytes(net, openvino):
    picture = torch.rand(1, 3, 33, 21)
    assert torch.equal(OpenVinoBackend(net)(picture), openvino(picture))


def test_a_result_is_not_overwritten_by_the_next_call(openvino):
    picture = torch.rand(1, 3, 16, 16)
    made = openvino(picture)
    before = made.clone()
    openvino(1 - picture)
    assert torch.equal(made, before)


@on_cpu
@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_bf16_is_close(backend):
    net = lively(16, 2, 8)
    settings = Upscaling(precision="bf16", backend=backend)
    reduced = backend_for(lively(16, 2, 8), settings)
    assert difference(net, reduced, (1, 3, 24, 24)) < 0.05


@on_cpu
def test_the_network_stays_as_it_is_on_openvino(net):
    before = {key: value.clone() for key, value in net.state_dict().items()}
    backend_for(net, Upscaling(precision="bf16", backend="openvino"))
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


@on_cpu
def test_fp16_needs_a_gpu(net):
    with pytest.raises(UnavailableError, match="use bf16 or fp32"):
        backend_for(net, Upscaling(precision="fp16"))


@on_cpu
def test_both_backends_give_the_same_picture_to_one_grey_level():
    net = lively(16, 1, 8)
    with torch.no_grad():  # an output around a half
        net.conv_last.weight.mul_(0.3)
        net.conv_last.bias.fill_(0.5)
    weights = to_bytes(net.state_dict(), {})
    picture = texture(50, 40)
    made = [
        NetworkUpscaler(weights, Upscaling(tile=32, backend=backend))(picture).astype(int)
        for backend in ("torch", "openvino")
    ]
    assert np.ptp(made[0]) > 20
    assert np.abs(made[0] - made[1]).max() <= 1


class Pooled(torch.nn.Module):
    """A ×4 network that is no RRDBNet."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 48, 3, padding=1)
        self.scale = torch.nn.Linear(3, 3)

    def forward(self, x):
        gain = torch.sigmoid(self.scale(x.mean(dim=(2, 3))))[:, :, None, None]
        return torch.nn.functional.pixel_shuffle(self.conv(x), 4) * gain


@on_cpu
def test_any_module_of_the_same_shapes_runs_on_openvino():
    torch.manual_seed(0)
    net = Pooled().eval()
    backend = backend_for(net, Upscaling(backend="openvino"))
    assert difference(net, backend, (1, 3, 19, 45)) < 1e-5
    assert enlarge(backend, texture(30, 20), Upscaling(tile=16)).shape == (120, 80, 3)


class Branching(Pooled):
    """Computes something else for a picture that is wider than high, which tracing cannot see."""

    def forward(self, x):
        made = super().forward(x)
        return -made if x.shape[3] > x.shape[2] else made


@on_cpu
def test_what_openvino_gets_wrong_is_refused_or_runs_on_torch(caplog):
    net = Branching().eval()
    with pytest.raises(UnavailableError, match=r"differs from torch's.*backend to torch"):
        backend_for(net, Upscaling(backend="openvino"))
    with caplog.at_level(logging.INFO):
        backend = backend_for(net, Upscaling())
    assert isinstance(backend, TorchBackend)
    assert [record.message for record in caplog.records if "runs on torch" in record.message]
    assert difference(net, backend, (1, 3, 10, 20)) < 1e-5


@on_cpu
def test_without_openvino_torch_is_used_with_one_log_line(net, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with caplog.at_level(logging.INFO):
        backend = backend_for(net, Upscaling())
    assert isinstance(backend, TorchBackend)
    assert len(caplog.records) == 1
    assert "pip install 'deepart_assets[openvino]'" in caplog.records[0].message
    with pytest.raises(UnavailableError, match="not installed"):
        backend_for(net, Upscaling(backend="openvino"))


IN_AN_EMPTY_HOME = """
import torch
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.rrdbnet import RRDBNet
from deepart_assets.super_resolution.upscaling.backend_choice import backend_for
from deepart_assets.super_resolution.upscaling.openvino_backends import OpenVinoBackend

net = RRDBNet(features=4, blocks=1, growth=4).eval()
torch.set_num_threads(1)
backend = backend_for(net, Upscaling())
assert isinstance(backend, OpenVinoBackend)
backend(torch.rand(1, 3, 8, 8))
print(backend._request.get_compiled_model().get_property("INFERENCE_NUM_THREADS"))
"""


@pytest.mark.slow
@on_cpu
def test_openvino_writes_no_files_and_takes_torchs_threads(tmp_path):
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    project = str(Path.cwd())
    environment = {
        **os.environ,
        "HOME": str(home),
        "TMPDIR": str(work),
        "PYTHONPATH": os.pathsep.join([project, os.environ.get("PYTHONPATH", "")]),
    }
    environment.pop("CI", None)  # OpenVINO's telemetry is off in CI
    command = [sys.executable, "-c", IN_AN_EMPTY_HOME]
    done = subprocess.run(
        command, cwd=work, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["1"]
    assert [*home.rglob("*"), *work.rglob("*")] == []
