"""Trainings of two processes (gloo, as torchrun starts them), real and killed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from deepart_assets.errors import UnavailableError
from deepart_assets.storage import Lake
from deepart_assets.storage.checkpoints import Checkpoints
from deepart_assets.super_resolution.training.job import run_job
from deepart_assets.super_resolution.training.launch import launch
from deepart_assets.super_resolution.training.loop import Job
from deepart_assets.super_resolution.training.stages import train_pixel
from deepart_assets.super_resolution.weights import read_state
from deepart_assets.training_curve import silent

from . import killable
from .killable import changed, pixel_options

pytestmark = pytest.mark.slow  # torchrun and two more processes import torch


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def far_apart(first, second):
    a, b = read_state(first, "a"), read_state(second, "b")
    return max(float((a[name] - b[name]).abs().max()) for name in a)


def test_two_processes_come_to_what_one_does_with_twice_the_batch():
    """The mean of two means of equal counts is the mean of all: only the order of sums differs."""
    pairs, reported = killable.small_pairs(), []
    half = pixel_options(6)
    two = launch(Job(pairs, half), 2, reported.append, None)
    one = train_pixel(pairs, changed(half, {"datasets": {"train": {"batch_size_per_gpu": 4}}}))
    other = train_pixel(pairs, half)
    assert far_apart(two.weights, one.weights) < 2e-5
    assert far_apart(two.weights, other.weights) > 1e-3
    assert two.figures["processes"] == 2
    assert [step.iteration for step in reported] == [1, 2, 3, 4, 5, 6]
    for mine, theirs in zip(two.curve, one.curve, strict=True):
        assert mine["l_pix"] == pytest.approx(theirs["l_pix"], rel=1e-3)


def test_a_training_of_two_goes_on_and_a_lost_process_ends_it(tmp_path):
    pytest.importorskip("efficientnet_lite_pytorch")
    options = killable.adversarial_options(8, network_g={"block_noise": 0.1})
    job = Job(killable.small_pairs(), options, killable.base(), killable.FEATURES)
    whole = launch(job, 2, silent, None)

    def kill_one(step):
        if step.iteration == 4:
            found = subprocess.run(
                ["pgrep", "-f", "training.launch"], capture_output=True, check=True
            )
            workers = [int(each) for each in found.stdout.split()]
            for process in workers:
                command = Path(f"/proc/{process}/cmdline")
                if command.exists() and b"torch.distributed.run" not in command.read_bytes():
                    subprocess.run(["kill", "-KILL", str(process)], check=True)
                    return

    kept = Checkpoints(Lake(tmp_path), "art_esrgan", "a" * 64, 0)
    with pytest.raises(UnavailableError, match=r"a training process exited .* to resume from"):
        launch(job, 2, kill_one, kept)
    reported = []
    resumed = launch(job, 2, reported.append, kept)
    assert reported[0].iteration > 2
    assert resumed.weights == whole.weights


def test_an_error_in_a_process_is_told_as_it_is():
    broken = pixel_options(6, train={"optim_g": {"lr": 1e30}})
    with pytest.raises(UnavailableError, match=r"diverged at iteration \d .* lower"):
        launch(Job(killable.small_pairs(), broken), 2, silent, None)


def test_processes_end_when_the_one_that_started_them_is_killed(tmp_path):
    code = (
        "from deepart_assets_tests.super_resolution import killable\n"
        "from deepart_assets.super_resolution.training.launch import launch\n"
        "from deepart_assets.super_resolution.training.loop import Job\n"
        "job = Job(killable.small_pairs(), killable.pixel_options(100000))\n"
        "launch(job, 2, lambda step: print(step.iteration, flush=True), None)\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert starter.stdout.readline()
    children = subprocess.run(
        ["pgrep", "-P", str(starter.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    workers = subprocess.run(
        ["pgrep", "-P", ",".join(children)], capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(workers) >= 2
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    deadline = time.monotonic() + 180
    while any(Path(f"/proc/{each}").exists() for each in [*children, *workers]):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_one_process_alone_runs_in_this_one():
    assert (
        torch.cuda.device_count() > 1
        or run_job(Job(killable.small_pairs(), pixel_options(1))).figures["processes"] == 1
    )
