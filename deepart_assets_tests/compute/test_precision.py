"""Number formats by their names in a profile, and the device that decides about `auto`."""

import pytest
import torch

from deepart_assets.compute.devices import best_device
from deepart_assets.compute.precision import dtype_for


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_both_spellings_mean_the_same(device):
    for names in (("fp32", "float32"), ("fp16", "float16"), ("bf16", "bfloat16")):
        assert {dtype_for(name, device) for name in names} == {getattr(torch, names[1])}


def test_auto_is_half_precision_on_a_gpu_alone():
    assert dtype_for("auto", "cuda") == torch.float16
    assert dtype_for("auto", "cpu") == torch.float32


def test_the_device_is_there():
    assert torch.zeros(1, device=best_device()).device.type == best_device()
