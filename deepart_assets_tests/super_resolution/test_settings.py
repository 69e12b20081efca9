import inspect
import json

import pytest
from pydantic import ValidationError

from deepart_assets.assets.outpaintings import outpaintings_by
from deepart_assets.assets.upscaled import upscaled_from
from deepart_assets.compat import prepare
from deepart_assets.errors import SettingsError
from deepart_assets.settings import training_parts
from deepart_assets.settings.profile import load_settings, validate_settings
from deepart_assets.settings.super_resolution import CROP_CONTEXT, SuperResolution, Upscaling
from deepart_assets.settings.training import AdversarialTraining, PixelTraining
from deepart_assets.super_resolution.data.degradation import SCALE
from deepart_assets.super_resolution.data.pairs import CONTEXT

UNET = {"type": "UNetDiscriminatorSN", "num_in_ch": 3, "num_feat": 64}


def crops(side):
    return {"train": {"gt_size": side}}


def test_the_discriminator_of_the_paper_wants_crops_of_128():
    with pytest.raises(ValidationError, match=r"gt_size: 128 or network_d\.type: UNetDisc"):
        AdversarialTraining(datasets=crops(96))


def test_the_unet_takes_multiples_of_eight_and_nothing_of_the_other_s_options():
    settings = AdversarialTraining(network_d=UNET, datasets=crops(72))
    assert settings.network_d.model_dump() == UNET
    with pytest.raises(ValidationError, match="multiple of 8, not 100"):
        AdversarialTraining(network_d=UNET, datasets=crops(100))


def test_what_is_given_is_laid_over_the_file_key_by_key():
    settings = AdversarialTraining(train={"total_iter": 7, "optim_g": {"lr": 1}})
    before = AdversarialTraining()
    assert (settings.train.total_iter, settings.train.optim_g.lr) == (7, 1)
    assert settings.train.optim_g.betas == before.train.optim_g.betas
    assert settings.train.optim_d == before.train.optim_d
    assert settings.provenance_settings() != before.provenance_settings()


def test_where_the_options_stand_is_no_part_of_the_recipe(tmp_path):
    copy = tmp_path / "copy.yml"
    original = AdversarialTraining().options
    from deepart_assets.settings.places import PROJECT

    copy.write_text((PROJECT / original).read_text())
    assert (
        AdversarialTraining(options=str(copy)).provenance_settings()
        == AdversarialTraining().provenance_settings()
    )
    copy.write_text(copy.read_text().replace("total_iter: 5000", "total_iter: 6000"))
    assert AdversarialTraining(options=str(copy)).train.total_iter == 6000


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "cannot be read .*No such file"), ("a: [", "cannot be read"), ("1", "must hold")],
)
def test_options_that_are_none_are_told_of_with_the_file(tmp_path, text, words):
    file = tmp_path / "mine.yml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ValidationError, match=rf"(?s)mine\.yml.*{words}|{words}.*art_esrgan\.yml"):
        AdversarialTraining(options=str(file))


def test_a_schedule_that_ends_too_early_is_refused():
    with pytest.raises(ValidationError, match=r"after 1000 of 3000 .* periods: \[3000\]"):
        PixelTraining(train={"total_iter": 3000})


def test_each_period_of_a_schedule_has_a_weight():
    halves = {"periods": [500, 500]}
    with pytest.raises(ValidationError, match=r"1 values for 2 periods: .*_weights: \[1, 1\]"):
        PixelTraining(train={"scheduler": halves})
    PixelTraining(train={"scheduler": {**halves, "restart_weights": [1, 0.5]}})


@pytest.mark.parametrize(("alone", "every", "first"), [(180, 1, 181), (0, 9, 9), (180, 8, 184)])
def test_a_training_that_never_trains_the_generator_is_refused(alone, every, first):
    train = {"net_d_init_iters": alone, "net_d_iters": every}
    assert AdversarialTraining(train={**train, "total_iter": first}).train.total_iter == first
    with pytest.raises(ValidationError, match=f"set total_iter to at least {first}, or lower"):
        AdversarialTraining(train={**train, "total_iter": first - 1})


def test_noise_that_the_pixel_training_would_not_add_is_refused():
    with pytest.raises(ValidationError, match=r"block_noise has no effect on psnr_weights"):
        PixelTraining(network_g={"block_noise": 0.1})
    assert PixelTraining(network_g={"block_noise": 0}).network_g.block_noise == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train": {"pixel_opt": {"type": "L1loss"}}}, "'L1Loss', 'MSELoss', 'CharbonnierLoss'"),
        ({"train": {"pixel_opt": {"loss_wieght": 1}}}, "Extra inputs"),
        ({"train": {"pixel_opt": {"reduction": "none"}}}, "'mean' or 'sum'"),
        ({"train": {"gan_opt": {"gan_type": "ragan"}}}, "'vanilla', 'lsgan', 'wgan' or 'wgan_soft"),
        ({"train": {"gan_opt": {"gan_type": "hinge"}}}, "'vanilla', 'lsgan', 'wgan' or 'wgan_soft"),
        ({"network_d": {**UNET, "type": "UNetDiscriminatorSn"}}, "'UNetDiscriminatorSN'"),
        ({"network_d": {**UNET, "input_size": 128}}, "Extra inputs"),
        ({"network_d": {"input_size": 192}, "datasets": crops(192)}, "should be 128 or 256"),
        ({"train": {"perceptual_opt": {"layer_weights": {"conv9_9": 1}}}}, r"weights\.conv9_9"),
        ({"train": {"perceptual_opt": {"layer_weights": {"relu2_3": 1}}}}, r"weights\.relu2_3"),
        ({"train": {"optim_d": {"betas": [0.9, 1.5]}}}, "less than 1"),
        ({"train": {"optim_g": {"betas": [-0.1, 0.9]}}}, "greater than or equal to 0"),
    ],
)
def test_what_basicsr_could_not_build_is_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        AdversarialTraining(**options)


def test_features_may_be_those_of_any_layer_of_basicsr_s_network():
    prepare()
    from basicsr.archs.vgg_arch import NAMES

    wanted = dict.fromkeys(NAMES["vgg19"], 1.0)
    settings = AdversarialTraining(train={"perceptual_opt": {"layer_weights": wanted}})
    assert settings.train.perceptual_opt.layer_weights.keys() == wanted.keys()


def test_parts_have_the_arguments_of_basicsr_s():
    prepare()
    from basicsr.archs import discriminator_arch
    from basicsr.losses import basic_loss, gan_loss

    theirs = {**vars(discriminator_arch), **vars(basic_loss), **vars(gan_loss)}
    for part in training_parts.Part.__subclasses__():
        ours = {name: each for name, each in part.model_fields.items() if name != "type"}
        known = inspect.signature(theirs[part.__name__]).parameters
        assert list(ours) == list(known), part
        for name, each in ours.items():
            default = known[name].default
            assert each.is_required() or each.default == default, (part, name)


def test_a_record_has_of_a_part_what_the_profile_says_and_as_it_says_it():
    """What it does not say is BasicSR's; else a later default would make weights stale."""
    charbonnier = {"type": "CharbonnierLoss", "loss_weight": 1}
    settings = AdversarialTraining(
        network_d={"type": "UNetDiscriminatorSN", "num_in_ch": 3}, train={"pixel_opt": charbonnier}
    ).provenance_settings()
    assert settings["network_d"] == {"type": "UNetDiscriminatorSN", "num_in_ch": 3}
    assert json.dumps(settings["train"]["pixel_opt"]) == json.dumps(charbonnier)


@pytest.mark.parametrize("name", ["psnr_weights", "art_esrgan"])
def test_pairs_too_small_for_a_crop_and_its_context_are_refused(name):
    assert CROP_CONTEXT == 2 * CONTEXT * SCALE
    content = load_settings("sample").super_resolution.model_dump(mode="json")
    content["psnr_weights"] = {"kind": "train"}
    content[name] |= {"network_d": UNET} if name == "art_esrgan" else {}
    content[name]["datasets"] = crops(192)
    content["pairs"]["hr_side"] = 208
    assert SuperResolution.model_validate(content).pairs.hr_side == 208
    content["pairs"]["hr_side"] = 207
    with pytest.raises(ValidationError, match=rf"at least 208, or {name}\.datasets\.train\.gt_"):
        SuperResolution.model_validate(content)


def test_a_wrong_key_of_the_options_is_named_with_the_nearest():
    content = load_settings("sample").model_dump(mode="json")
    content["super_resolution"]["art_esrgan"]["train"]["total_iters"] = 3
    with pytest.raises(SettingsError, match=r"art_esrgan\.train\.total_iters.*'total_iter'"):
        validate_settings(content, "here")


@pytest.mark.parametrize("profile", ["sample", "gpu", "ray", "kubernetes"])
def test_every_profile_names_a_network_and_an_upscaling(profile):
    settings = load_settings(profile).super_resolution
    assert settings.upscaling.overlap < settings.upscaling.tile


def test_results_depend_on_every_setting_of_the_upscaling_but_its_batch():
    changed = {
        "backend": "torch",
        "tile": 128,
        "overlap": 9,
        "batch": 7,
        "precision": "bf16",
        "maximal_blockiness": None,
    }
    assert changed.keys() == Upscaling.model_fields.keys()
    same = {
        name
        for name, value in changed.items()
        if Upscaling.model_validate({name: value}).provenance() == Upscaling().provenance()
    }
    assert same == {"batch"}


@pytest.mark.parametrize("asset", ["upscaled", "outpaintings"])
def test_no_result_of_a_profile_depends_on_the_batch(asset):
    """Not even outpaintings that the network enlarges."""
    settings = load_settings("sample")
    name = "artificially_inspired"
    spec = {
        "upscaled": upscaled_from(name),
        "outpaintings": outpaintings_by(name, settings.outpainters[name]),
    }[asset]

    def provenance(**upscaling):
        changed = settings.super_resolution.upscaling.model_copy(update=upscaling)
        whole = settings.super_resolution.model_copy(update={"upscaling": changed})
        return spec.settings(settings.model_copy(update={"super_resolution": whole}))

    assert provenance(batch=7) == provenance(batch=1)
    assert provenance(tile=128) != provenance(tile=256)
    deblocked = provenance(maximal_blockiness=1.3) == provenance(maximal_blockiness=None)
    assert deblocked == (asset == "outpaintings")  # which are not deblocked


@pytest.mark.parametrize("stage", [PixelTraining, AdversarialTraining])
def test_degradations_are_part_of_a_recipe_that_has_them_and_of_no_other(stage):
    plain = stage()
    assert "degradations" not in plain.provenance_settings()["datasets"]["train"]
    chosen = stage(datasets={"train": {"degradations": {"jpeg_range": [50, 90]}}})
    assert chosen.provenance_settings()["datasets"]["train"]["degradations"] == {
        "blur_prob": 0.2,
        "blur_sigma": [0.2, 0.8],
        "jpeg_prob": 0.6,
        "jpeg_range": [50, 90],
    }


@pytest.mark.parametrize(
    ("degradations", "message"),
    [
        ({"jpeg_range": [95, 30]}, r"jpeg_range: \[95, 30\] is no range within 1 to 100"),
        ({"blur_sigma": [0, 1]}, r"blur_sigma: \[0\.0, 1\.0\] is no range above 0"),
        ({"jpeg_prob": 2}, "less than or equal to 1"),
        ({"noise": 1}, "Extra inputs"),
    ],
)
def test_degradations_that_make_no_sense_are_refused(degradations, message):
    with pytest.raises(ValidationError, match=message):
        PixelTraining(datasets={"train": {"degradations": degradations}})
