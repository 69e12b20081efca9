import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from deepart_assets.storage import Lake
from deepart_assets.storage.checkpoints import Checkpoints
from deepart_assets.super_resolution.data.pairs import Pair
from deepart_assets.super_resolution.training.progress import Step
from deepart_assets.super_resolution.training.stages import train_pixel
from deepart_assets.super_resolution.training.strip import SHOWN, Strip
from deepart_assets.super_resolution.training.tensorboard import TensorBoard
from deepart_assets.super_resolution.training.validation import SHOWN_SIDE, Score, Validation

from . import killable
from .pictures import pair, texture


class Killed(Exception):
    pass


def test_tensorboard_shows_each_iteration_once_after_an_interruption(tmp_path):
    def train(until):
        board, reported = TensorBoard(tmp_path / "board"), []

        def report(step):
            board(step)
            reported.append(step)
            if step.iteration == until:
                board._writer.flush()  # what a kill would leave of it, at worst
                raise Killed

        kept = Checkpoints(Lake(tmp_path), "pixel", "a" * 64, 0)
        try:
            train_pixel(killable.small_pairs(), killable.PIXEL, report, kept)
        except Killed:
            return reported
        board.close()
        return reported

    first, second = train(6), train(None)
    assert (first[-1].iteration, second[0].iteration) == (6, 6)  # 6 was reported, not yet saved
    events = EventAccumulator(str(tmp_path / "board")).Reload()
    assert [event.step for event in events.Scalars("loss/l_pix")] == list(range(1, 11))
    assert events.Scalars("valid/psnr_y")[-1].value == pytest.approx(
        second[-1].score.psnr_y, abs=1e-4
    )
    assert all(event.value > 0 for event in events.Scalars("speed/iterations_per_second"))
    assert [image.step for image in events.Images("valid/crop")][-1] == 10
    assert events.Images("valid/crop")[-1].width == SHOWN_SIDE


def test_no_report_no_file(tmp_path):
    TensorBoard(tmp_path / "board").close()
    assert not (tmp_path / "board").exists()


def test_a_line_says_how_far_how_fast_how_long():
    step = Step(50, 5000, {"pixel": 0.0123456, "feature": 2.5}, 1.2345, 4010, Score(31.456, 4.321))
    assert step.line == (
        "50/5000: pixel 0.01235, feature 2.5, PSNR-Y 31.46 dB, NIQE 4.32; 1.23 it/s, about 67 min"
        " left"
    )


def test_a_training_shows_its_crop_from_before_to_the_end():
    trained = train_pixel(killable.small_pairs(), killable.PIXEL)
    assert trained.strip is not None
    height, width = trained.strip.shape[:2]
    assert height > SHOWN_SIDE
    assert width > (SHOWN + 2) * SHOWN_SIDE
    without = [each for each in killable.small_pairs() if each.split == "train"]
    assert train_pixel(without, killable.PIXEL).strip is None


@pytest.mark.parametrize("chosen", [3, 19])
def test_the_strip_shows_what_was_made_and_the_chosen_one(chosen, monkeypatch):
    shown = {}
    monkeypatch.setattr(
        "deepart_assets.super_resolution.training.strip.contact_sheet",
        lambda cells, title, height: shown.update(cells) or np.zeros((1, 1, 3), np.uint8),
    )
    strip = Strip()
    for iteration in range(20):
        strip.add(iteration, np.full((16, 16, 3), iteration, np.uint8))
    strip.add(20, None)
    again = Strip()
    again.restore(strip.state())
    lr, hr = np.zeros((4, 4, 3), np.uint8), np.full((16, 16, 3), 99, np.uint8)
    again.sheet((lr, hr), chosen)
    names = list(shown)
    assert (names[0], names[1], names[-1]) == ("low resolution", "before", "original")
    assert f"{chosen} (chosen)" in names
    assert shown[f"{chosen} (chosen)"][0, 0, 0] == chosen
    assert len(names) in (SHOWN + 2, SHOWN + 3)
    assert Strip().sheet((lr, hr), 0) is None


@pytest.mark.parametrize(("height", "width"), [(96, 224), (228, 260), (600, 500)])
def test_low_and_high_resolution_show_the_same_place(height, width):
    """HR repeats LR here, so that a shift of one pixel would be seen."""
    lr = texture(height // 4, width // 4)
    hr = lr.repeat(4, axis=0).repeat(4, axis=1)
    shown = Validation([Pair("a", "valid", lr, hr)], perceptual=False).shown
    assert np.array_equal(shown[0].repeat(4, axis=0).repeat(4, axis=1), shown[1])
    assert max(shown[1].shape[:2]) <= SHOWN_SIDE


def test_the_picture_of_a_score_is_that_place():
    validation = Validation([pair("valid", 3, 260, 228)], perceptual=False)
    picture, original = validation.bicubic().picture, validation.shown[1]
    assert picture.shape == original.shape
    error = np.abs(picture.astype(int) - original).mean()
    shifted = np.abs(picture.astype(int) - np.roll(original, 4, axis=1)).mean()
    assert error < shifted / 1.5
