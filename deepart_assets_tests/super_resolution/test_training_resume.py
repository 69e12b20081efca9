import multiprocessing
import random
import signal
import time

import pytest
import torch

from deepart_assets.storage import Lake
from deepart_assets.storage.checkpoints import Checkpoints, discard, work_lake
from deepart_assets.super_resolution.training.stages import train_pixel
from deepart_assets.training_curve import silent

from . import killable

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload([killable.__name__])


def start(stage, folder, every=0.0):
    ours, theirs = _server.Pipe(duplex=False)
    process = _server.Process(
        target=killable.train_in_process, args=(stage, folder, every, theirs), daemon=True
    )
    process.start()
    theirs.close()
    return process, ours


def finished(process, pipe):
    while not isinstance(message := pipe.recv(), tuple):
        pass
    process.join()
    return message


def killed_after(count, delay, process, pipe):
    """Kill the process `delay` seconds after `count` iterations; return the last one told of."""
    reported = [pipe.recv() for _ in range(count)]
    time.sleep(delay)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    return reported[-1]


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["pixel", "adversarial"])
def test_killed_at_any_moment_it_comes_to_the_same_result(stage, tmp_path):
    if stage == "adversarial":
        pytest.importorskip("efficientnet_lite_pytorch")
    weights, curve, figures = finished(*start(stage, tmp_path / "whole", None))
    assert "resumed_after" not in figures
    assert not (tmp_path / "whole").exists()

    chance = random.Random()
    moments = [(chance.randint(2, 5), chance.uniform(0, 0.03)) for _ in range(2)]
    reported = [killed_after(*moment, *start(stage, tmp_path / "killed")) for moment in moments]
    again = finished(*start(stage, tmp_path / "killed"))
    assert again[0] == weights, moments
    assert again[1] == curve, moments
    same = set(figures) - {"seconds"}
    assert {name: again[2][name] for name in same} == {name: figures[name] for name in same}
    resumed = [int(text) for text in again[2]["resumed_after"].split(", ")]
    # The last reported iteration may not be saved yet; the ones before are.
    assert resumed[-1] >= reported[-1] - 1, moments
    assert resumed == sorted(resumed)


class Killed(Exception):
    """Stands in for a kill where it is not the kill that is tested."""


def stop_at(iteration):
    def report(step):
        if step.iteration == iteration:
            raise Killed

    return report


def interrupted(lake, fingerprint="a" * 64):
    with pytest.raises(Killed):
        train_pixel(
            killable.small_pairs(),
            killable.PIXEL,
            stop_at(6),
            Checkpoints(lake, "pixel", fingerprint, 0),
        )


def iterations_of(lake, fingerprint, reported):
    """Train to the end and return the iterations that were trained now."""
    seen = []
    train_pixel(
        killable.small_pairs(),
        killable.PIXEL,
        lambda step: seen.append(step.iteration),
        Checkpoints(lake, "pixel", fingerprint, 0, reported.append),
    )
    return seen


def test_another_fingerprint_starts_over_and_leaves_the_other_s_checkpoint(tmp_path):
    lake, reported = Lake(tmp_path), []
    interrupted(lake)
    assert iterations_of(lake, "b" * 64, reported) == list(range(1, 11))
    assert "starting over" in reported[0]
    assert iterations_of(lake, "a" * 64, reported) == [6, 7, 8, 9, 10]


def test_a_damaged_checkpoint_is_told_of_and_starts_over(tmp_path):
    lake, reported = Lake(tmp_path), []
    interrupted(lake)
    file = tmp_path / Checkpoints(lake, "pixel", "a" * 64, 0).path
    file.write_bytes(file.read_bytes()[:-500])
    assert iterations_of(lake, "a" * 64, reported) == list(range(1, 11))
    assert str(file) in reported[0]


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    class Malicious:
        def __reduce__(self):
            return (tmp_path / "harm").touch, ()

    reported = []
    kept = Checkpoints(Lake(tmp_path), "pixel", "a" * 64, 0, reported.append)
    (tmp_path / kept.path).parent.mkdir(parents=True)
    torch.save({"format": 1, "state": Malicious()}, tmp_path / kept.path)
    assert kept.load() is None
    assert not (tmp_path / "harm").exists()
    assert "cannot resume from" in reported[0]


def test_a_checkpoint_replaces_the_one_before_only_when_it_is_whole(tmp_path, monkeypatch):
    kept = Checkpoints(Lake(tmp_path), "pixel", "a" * 64, 0)
    kept.save({"iteration": 1})

    def full(self, target):
        raise OSError("no space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="no space"):
        kept.save({"iteration": 2})
    assert kept.load() == {"iteration": 1}


def test_what_a_kill_left_half_written_is_removed(tmp_path):
    kept = Checkpoints(Lake(tmp_path), "pixel", "a" * 64, 0)
    kept.save({"iteration": 1})
    half = (tmp_path / kept.path).parent / ".aaaa.pt.77.tmp"
    half.write_bytes(b"half")
    assert kept.load() == {"iteration": 1}
    assert not half.exists()
    discard(Lake(tmp_path), "pixel", "2026-01-01T00:00:00.000+00:00")
    assert kept.load() == {"iteration": 1}, "it is later than the result"
    discard(Lake(tmp_path), "pixel", "2126-01-01T00:00:00.000+00:00")
    assert kept.load() is None
    assert list((tmp_path / "pixel").iterdir()) == []
    discard(Lake(tmp_path), "pixel", "2126-01-01T00:00:00.000+00:00")  # there is nothing


def test_checkpoints_come_as_often_as_asked_for(tmp_path):
    often, rarely = (Checkpoints(Lake(tmp_path), "pixel", "a" * 64, each) for each in (0, 3600))
    assert often.is_due()
    assert not rarely.is_due()


def test_a_bucket_keeps_its_checkpoints_in_the_cache(tmp_path):
    assert work_lake(Lake(tmp_path), tmp_path / "cache").url == str(tmp_path)
    remote = [work_lake(Lake(f"memory://{name}"), tmp_path / "cache") for name in ("a", "b")]
    assert remote[0].url != remote[1].url
    assert all(lake.url.startswith(str(tmp_path / "cache")) for lake in remote)


def test_a_short_training_writes_no_checkpoint(tmp_path):
    kept = Checkpoints(Lake(tmp_path), "pixel", "a" * 64, 3600)
    train_pixel(killable.small_pairs(), killable.PIXEL, silent, kept)
    assert not (tmp_path / "pixel").exists()
