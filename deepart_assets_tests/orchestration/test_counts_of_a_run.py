"""What a run of one corrected mask costs, in counts: a machine's load does not change them.

A count above the table's is a step back. One that is far below it is a step forward: record it.
"""

import hashlib
import io
import multiprocessing.process
import subprocess
from collections import Counter
from contextlib import contextmanager
from functools import wraps

import numpy as np
from PIL import Image

from deepart_assets.imaging import codec, picture_file
from deepart_assets.storage import Lake
from deepart_assets.super_resolution.upscaling import backends, openvino_backends, upscaler

LEAST_HASHED = 1000
"""Bytes from which on a hash is one of a file or a picture, not of a record."""

AT_MOST = {
    # What is counted: (corrected mask, nothing stale).
    "networks loaded": (1, 0),  # two outpainters use one
    "tiles": (2, 0),  # a picture of 96 pixels is one tile, for each of the outpainters
    "decodes": (45, 0),  # each stage reads its own inputs, and what it wrote to check it
    "hashes": (80, 22),  # of files read and written; of long settings and lists in every run
    "files written": (90, 45),  # results, records and registers; observations of each run
    "processes": (4, 4),  # Dagster's, which copy what a run prints; no step has its own
    "events": (175, 120),  # eight a step, and one for each output that is new
    "log rows": (40, 25),  # a line for each output that is new, and each step's sum
}


@contextmanager
def counted():
    """Count what happens meanwhile; the real things happen."""
    counts = Counter()
    undo = []

    def watch(owner, name, kind, applies=lambda *args: True):
        real = getattr(owner, name)

        @wraps(real)
        def counting(*args, **kwargs):
            counts[kind] += bool(applies(*args))
            return real(*args, **kwargs)

        setattr(owner, name, counting)
        undo.append((owner, name, real))

    upscaler._loaded.cache_clear()
    watch(upscaler, "backend_for", "networks loaded")
    probe = openvino_backends.PROBE
    for backend in (backends.TorchBackend, openvino_backends.OpenVinoBackend):
        watch(backend, "__call__", "tiles", lambda _, batch: tuple(batch.shape) != probe)
    watch(picture_file, "decode", "decodes")
    watch(codec, "_own_png", "decodes")
    watch(hashlib, "sha256", "hashes", lambda data=b"", *_: len(data) >= LEAST_HASHED)
    watch(hashlib, "file_digest", "hashes")
    watch(Lake, "write", "files written")
    watch(subprocess.Popen, "__init__", "processes")
    watch(multiprocessing.process.BaseProcess, "start", "processes")
    try:
        yield counts
    finally:
        for owner, name, real in reversed(undo):
            setattr(owner, name, real)


def test_a_corrected_mask_and_a_run_without_news_cost_no_more_than_recorded(done, instance):
    done.content["outpainters"]["second"] = {"kind": "telea", "radius": 5}
    mask = np.zeros((200, 160), np.uint8)
    mask[50:180, 40:120] = 255
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG")
    done.lake.write("masks/p2.png", file.getvalue())
    found = []
    for _ in AT_MOST["tiles"]:
        with counted() as counts, done.run("restore", instance, ["p2"]) as result:
            assert result.success
            steps = [event.step_key for event in result.all_events if event.is_step_success]
        rows = instance.all_logs(result.run_id)
        counts["events"] = sum(row.is_dagster_event for row in rows)
        counts["log rows"] = len(rows) - counts["events"]
        found.append({name: counts[name] for name in AT_MOST})
        assert steps[-1] == "gallery"
        assert not [step for step in steps if step.endswith("_evaluation")]
    for stage in ("telea_upscaled", "second_upscaled", "restoration_sheets"):
        assert done.store.done(stage, "p2") is not None
    corrected, nothing = found
    assert corrected["tiles"] > 0 and corrected["decodes"] > 0 and corrected["hashes"] > 0
    above = {
        name: (corrected[name], nothing[name])
        for name, (most, idle) in AT_MOST.items()
        if corrected[name] > most or nothing[name] > idle
    }
    assert not above, f"{above} in place of { ({name: AT_MOST[name] for name in above}) }"
