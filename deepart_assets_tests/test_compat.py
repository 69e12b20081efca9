"""The two shims fix broken installations and leave working ones alone."""

import subprocess
import sys
import threading

import pytest

from deepart_assets.compat import without_output

USE = """
from deepart_assets import compat
compat.prepare()
compat.prepare()
import torch, torchvision
import torchvision.models, torchvision.transforms.functional as F
x = torch.rand(1, 3, 8, 8)
assert F.rgb_to_grayscale(x).shape == (1, 1, 8, 8)
import basicsr.data.degradations  # imports torchvision.transforms.functional_tensor
from torchvision.transforms.functional_tensor import rgb_to_grayscale
assert torch.equal(rgb_to_grayscale(x), F.rgb_to_grayscale(x))
"""

HEALTHY = """
import sys, types, torch
from deepart_assets import compat
compat._torchvision_extension_loads = lambda: True
fake = types.ModuleType("torchvision.transforms.functional_tensor")
sys.modules[fake.__name__] = fake
defined = []
torch.library.Library = lambda *arguments: defined.append(arguments)
compat.prepare()
assert defined == []
assert sys.modules[fake.__name__] is fake
"""


def run(code: str) -> None:
    # In a process of its own: what is imported once stays imported.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_torchvision_and_basicsr_can_be_imported_and_used():
    run(USE)


def test_nothing_is_done_where_nothing_is_broken():
    run(HEALTHY)


def test_standard_output_comes_back_where_threads_overlap(capsys):
    first_is_in, second_is_in = threading.Event(), threading.Event()

    def first():
        with without_output():
            first_is_in.set()
            second_is_in.wait(0.2)  # in vain: the second waits its turn
            print("dropped")

    def second():
        first_is_in.wait(5)
        with without_output():
            second_is_in.set()

    threads = [threading.Thread(target=each) for each in (first, second)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    print("shown")
    assert capsys.readouterr().out == "shown\n"
