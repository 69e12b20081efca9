"""The launchpad's schema reaches the last key, and what is wrong is refused before a run starts."""

import re

import dagster as dg
import pytest
from pydantic import BaseModel

from deepart_assets.errors import SettingsError
from deepart_assets.orchestration.resources import FIXED, profile_resource
from deepart_assets.settings import Settings, load_settings
from deepart_assets.settings.places import configs_folder

UNTYPED = {
    # BasicSR's own choice among words and numbers.
    "super_resolution.psnr_weights.num_gpu",
    "super_resolution.art_esrgan.num_gpu",
    # A word or an array among others: the check of the whole refuses what is wrong.
    "segmentation.segmenter.styles",
    "segmentation.segmenter.model",
    "segmentation.evaluation.peers.*.styles",
    "segmentation.evaluation.peers.*.model",
}


def schema(profile):
    resource = profile_resource(load_settings(profile), "/nowhere")
    return resource.config_schema.config_type


def leaves(found, path=()):
    """Yield the path and type of everything that is no shape, and whether a key is described."""
    inner = getattr(found, "inner_type", None) or getattr(found, "non_scalar_type", None)
    if fields := getattr(found, "fields", None):
        for name, each in fields.items():
            yield from leaves(each.config_type, (*path, name))
    elif inner is not None:
        key = ("*",) if type(found).__name__ == "Map" else ()
        yield from leaves(inner, (*path, *key))
    else:
        yield ".".join(path), found


def test_every_key_has_a_type():
    names = {path for path, each in leaves(schema("sample")) if each.kind.name == "ANY"}
    assert names == UNTYPED


def test_every_key_of_the_models_is_there_with_its_description():
    top = schema("gpu")
    assert set(top.fields) == {"data_root", *Settings.model_fields.keys() - FIXED}

    def compare(model, found):
        for name, info in model.model_fields.items():
            field = found.fields[name]
            assert not field.is_required, name
            if info.description:
                assert info.description in field.description, name
            inner = info.annotation
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                compare(inner, field.config_type)

    for name in top.fields.keys() - {"data_root", "outpainters"}:
        compare(Settings.model_fields[name].annotation, top.fields[name].config_type)
    for name, outpainter in load_settings("gpu").outpainters.items():
        compare(type(outpainter), top.fields["outpainters"].config_type.fields[name].config_type)


def test_bounds_and_choices_are_shown():
    fields = schema("sample").fields["segmentation"].config_type.fields
    assert fields["erosion"].description.endswith("At least 0, at most 8.")
    doubtful = fields["doubtful"].config_type
    assert {each.config_value for each in doubtful.enum_values} == {"restore", "hold"}


def job_of(profile):
    @dg.op(required_resource_keys={"profile"})
    def nothing():
        pass

    @dg.job(resource_defs={"profile": profile_resource(load_settings(profile), "/nowhere")})
    def job():
        nothing()

    return job


def config_of(given):
    return {"resources": {"profile": {"config": given}}}


@pytest.mark.parametrize("profile", sorted(file.stem for file in configs_folder().glob("*.yaml")))
def test_the_schema_accepts_what_the_profile_says(profile):
    given = load_settings(profile).model_dump(mode="json", exclude=FIXED, exclude_none=True)
    assert dg.validate_run_config(job_of(profile), config_of(given))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"segmentation": {"erosion": -3}}, "segmentation.erosion: Input should be greater than"),
        ({"segmentation": {"erossion": 2}}, 'unexpected config entry "erossion"'),
        ({"segmentation": {"erosion": "much"}}, 'not valid for expected type "Float"'),
        ({"segmentation": {"doubtful": "maybe"}}, "not in enum type"),
        ({"segmentation": {"segmenter": {"kind": "salency"}}}, "not in enum type"),
        ({"super_resolution": {"upscaling": {"tile": 256.5}}}, 'not valid for expected type "Int"'),
        ({"outpainters": {"nobody": {}}}, 'unexpected config entry "nobody"'),
        ({"outpainters": {"patchmatch": {"kind": "telea"}}}, "not in enum type"),
        ({"outpainters": {"patchmatch": {"scale": 2}}}, "outpainters.patchmatch.scale: Input"),
    ],
)
def test_what_is_wrong_is_refused(given, told):
    with pytest.raises(Exception, match=re.escape(told)):
        dg.validate_run_config(job_of("sample"), config_of(given))


def test_it_is_refused_before_a_run_exists(project, instance):
    config = config_of({"restoration": {"working_side": 8}})
    told = r"launchpad, resources\.profile: restoration\.working_side: Input should be greater"
    with pytest.raises(SettingsError, match=told):
        project.run("publish", instance, run_config=config)
    assert not instance.get_runs()
