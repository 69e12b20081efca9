import pytest
from pydantic import ValidationError

from deepart_assets.settings import load_settings
from deepart_assets.settings.evaluation import Evaluation, Lpips
from deepart_assets.settings.segmentation import MasksEvaluation


@pytest.mark.parametrize("profile", ["sample", "gpu", "ray", "kubernetes"])
def test_every_profile_measures_the_whole_paintings_or_enough_for_niqe(profile):
    chosen = load_settings(profile).super_resolution.evaluation
    assert chosen.crop is None or chosen.crop >= 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"interpolations": [0]},  # that is the base
        {"interpolations": [1]},
        {"crop": 128},
        {"crop": 202},
        {"colour_shift": 0},
        {"shown": 0},
        {"lpips": {"network": "vgg19"}},
        {"lpips": {"sha256": "b8a52dc0"}},
    ],
)
def test_what_cannot_be_measured_is_refused(wrong):
    with pytest.raises(ValidationError):
        Evaluation.model_validate(wrong)


@pytest.mark.parametrize(
    ("section", "name", "peer"),
    [
        (Evaluation, "bicubic", {"kind": "file", "path": "x.pth"}),
        (MasksEvaluation, "subject_masks", {"kind": "saliency"}),
    ],
)
def test_a_peer_has_no_name_of_a_row_that_is_there_anyway(section, name, peer):
    assert section.model_validate({"peers": {f"{name}_2": peer}}).peers
    with pytest.raises(ValidationError, match=f"{name} is a row of its own: give it another name"):
        section.model_validate({"peers": {name: peer}})


def test_a_hash_may_be_written_in_either_case():
    assert Lpips(sha256="aB" * 32).sha256 == "aB" * 32
