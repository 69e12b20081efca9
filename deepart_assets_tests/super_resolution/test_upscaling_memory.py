"""What happens when memory runs out, and how much is used."""

import json
import logging
import subprocess
import sys

import numpy as np
import pytest
import torch

from deepart_assets.errors import PaintingError
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.storage.retries import is_transient
from deepart_assets.super_resolution.upscaling.upscaler import enlarge

from .pictures import texture


class Hungry(torch.nn.Module):
    """Repeats pixels; above `limit` pixels a side it asks torch for a petabyte, and gets told."""

    def __init__(self, limit, error=None):
        super().__init__()
        self.limit, self.error = limit, error
        self.anchor = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        if x.shape[-1] > self.limit:
            if self.error:
                raise self.error
            torch.empty(2**50)
        return x.repeat_interleave(4, 2).repeat_interleave(4, 3)


@pytest.mark.parametrize(
    "error", [None, torch.OutOfMemoryError("CUDA out of memory."), MemoryError()]
)
def test_the_tile_is_halved_and_the_log_says_so(caplog, error):
    picture = texture(90, 90)
    with caplog.at_level(logging.WARNING):
        made = enlarge(Hungry(50, error), picture, Upscaling(tile=128, overlap=8))
    assert [record.args[0] for record in caplog.records] == [64, 32]
    assert "out of memory" in caplog.records[0].message
    assert np.array_equal(made, picture.repeat(4, 0).repeat(4, 1))


def test_below_the_smallest_tile_there_is_one_clear_error():
    with pytest.raises(PaintingError, match=r"smallest tiles \(16 pixels and 8 .*over") as caught:
        enlarge(Hungry(20), texture(90, 90), Upscaling(tile=64, overlap=8))
    assert is_transient(caught.value), "there may be more memory later"


def test_other_errors_are_not_taken_for_a_lack_of_memory(caplog):
    with pytest.raises(RuntimeError, match="sizes"):
        enlarge(Hungry(20, RuntimeError("sizes differ")), texture(40, 40), Upscaling(tile=64))
    assert not caplog.records


LIMITED = """
import json, logging, resource, sys
import numpy as np, torch
from deepart_assets.settings.super_resolution import Upscaling
from deepart_assets.super_resolution.rrdbnet import RRDBNet
from deepart_assets.super_resolution.upscaling.upscaler import NetworkUpscaler
from deepart_assets.super_resolution.weights import to_bytes

reported = []
class Tell(logging.Handler):
    def emit(self, record):
        reported.append(record.args[0])
logging.getLogger("deepart_assets").addHandler(Tell())
side, limit, tile = map(int, sys.argv[1:4])
torch.set_num_threads(1)
torch.manual_seed(0)
weights = to_bytes(RRDBNet(features=16, blocks=4, growth=16).state_dict(), {})
upscaler = NetworkUpscaler(weights, Upscaling(tile=tile, overlap=8))
picture = np.random.default_rng(0).integers(60, 256, (side, side, 3), dtype=np.uint8)
upscaler(picture[:24, :24])  # everything is loaded now
if limit:
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + limit, resource.RLIM_INFINITY))
made = upscaler(picture)
# Of this process alone: ru_maxrss begins with the parent's.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
peak = int(status["VmHWM"].split()[0]) * 1024
found = {"shape": made.shape, "reported": reported, "peak": peak}
if limit:
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    with_enough = upscaler(picture)
    found["difference"] = int(np.abs(made.astype(int) - with_enough).max())
    found["contrast"] = int(np.ptp(made))
print(json.dumps(found))
"""


def limited(side, limit, tile):
    command = [sys.executable, "-c", LIMITED, str(side), str(limit), str(tile)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is Linux's")
def test_under_a_real_limit_of_the_address_space_the_picture_is_made_in_smaller_tiles():
    found = limited(384, 150 * 2**20, 384)
    assert found["shape"] == [1536, 1536, 3]
    assert found["reported"]
    assert found["reported"][0] == 192
    assert found["contrast"] > 0
    assert found["difference"] <= 1


FAILING = """
import resource, sys
import torch
from deepart_assets.compute.memory import is_out_of_memory
from deepart_assets.super_resolution.rrdbnet import RRDBNet
from deepart_assets.super_resolution.upscaling.openvino_backends import OpenVinoBackend

torch.set_num_threads(1)
backend = OpenVinoBackend(RRDBNet(features=16, blocks=4, growth=16).eval())
small, large = torch.rand(1, 3, 40, 40), torch.rand(1, 3, 400, 400)
expected = backend(small)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 150 * 2**20,) * 2)
for _ in range(2):
    try:
        backend(large)
    except RuntimeError as error:
        assert is_out_of_memory(error), error
    else:
        sys.exit("there was memory enough")
    assert torch.equal(backend(small), expected)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is Linux's")
def test_openvino_says_that_it_is_out_of_memory_and_works_afterwards():
    command = [sys.executable, "-c", FAILING]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_twenty_megapixels_take_less_than_three_gigabytes():
    found = limited(1118, 0, Upscaling().tile)
    assert found["shape"] == [4472, 4472, 3]
    assert found["reported"] == []
    assert found["peak"] < 3e9
