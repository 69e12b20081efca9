"""onnxruntime takes the GPU, and says so where it cannot."""

import pytest

from deepart_assets.compute import onnx_providers
from deepart_assets.compute.onnx_providers import CPU, CUDA, providers


@pytest.mark.parametrize(
    ("device", "available", "expected"),
    [
        ("cpu", [CUDA, CPU], [CUDA, CPU]),
        ("cpu", [CPU], [CPU]),
        ("cuda", ["TensorrtExecutionProvider", CUDA, CPU], [CUDA, CPU]),
        ("cuda", [CPU], [CPU]),
    ],
)
def test_the_gpu_is_taken_or_missed_once(device, available, expected, monkeypatch, caplog):
    onnx_providers._warn.cache_clear()
    monkeypatch.setattr(onnx_providers, "best_device", lambda: device)
    assert providers(available) == providers(available) == expected
    is_missed = device == "cuda" and CUDA not in available
    assert caplog.text.count("onnxruntime-gpu") == is_missed
