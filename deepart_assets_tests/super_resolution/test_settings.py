import pytest
from pydantic import ValidationError

from deepart_assets.settings.profile import load_settings
from deepart_assets.settings.super_resolution import AdversarialTraining


def test_the_discriminator_of_the_paper_wants_crops_of_128():
    assert AdversarialTraining().discriminator == "vgg128"
    with pytest.raises(ValidationError, match="set crop: 128 or discriminator: unet"):
        AdversarialTraining(crop=96)


def test_the_unet_takes_multiples_of_eight():
    assert AdversarialTraining(discriminator="unet", crop=72).crop == 72
    with pytest.raises(ValidationError, match="multiple of 8"):
        AdversarialTraining(discriminator="unet", crop=100)


@pytest.mark.parametrize("profile", ["sample", "gpu", "cluster"])
def test_every_profile_names_a_network_and_an_upscaling(profile):
    settings = load_settings(profile).super_resolution
    assert settings.upscaling.overlap < settings.upscaling.tile
