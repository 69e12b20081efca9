"""Checkpoints: what is in them, and what is written."""

import pytest
import torch

from deepart_assets.errors import UnavailableError
from deepart_assets.storage.tensor_files import tensors_in, to_bytes


def test_a_checkpoint_that_holds_itself_ends():
    content = {}
    content["g_ema"] = content
    with pytest.raises(UnavailableError, match=r"w\.pt holds more than tensors \(g_ema\)"):
        tensors_in(content, "w.pt")


def test_what_is_no_tensor_is_named():
    content = {"state_dict": {"a": torch.zeros(1), "iter": 3}}
    with pytest.raises(UnavailableError, match=r"w\.pt holds more than tensors \(iter\)"):
        tensors_in(content, "w.pt")


def test_what_is_not_finite_is_not_written():
    with pytest.raises(UnavailableError, match="not finite"):
        to_bytes({"a": torch.tensor([float("nan")])}, {})
