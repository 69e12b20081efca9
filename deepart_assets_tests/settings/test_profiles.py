"""Profiles load, and what is wrong with one is said with file, key and nearest name."""

import pytest
import yaml

from deepart_assets.errors import SettingsError
from deepart_assets.settings import Settings, load_settings, validate_settings
from deepart_assets.settings.places import configs_folder

PROFILES = sorted(path.stem for path in configs_folder().glob("*.yaml"))


def test_the_three_profiles_are_there():
    assert {"sample", "gpu", "cluster"} <= set(PROFILES)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_is_valid_and_survives_a_round_trip(profile):
    settings = load_settings(profile)
    content = settings.model_dump(mode="json")
    assert validate_settings(content, "round trip") == settings


def test_the_environment_chooses_the_profile(monkeypatch):
    monkeypatch.setenv("DEEPART_PROFILE", "gpu")
    assert load_settings().profile == "gpu"
    monkeypatch.delenv("DEEPART_PROFILE")
    assert load_settings().profile == "sample"


def test_an_unknown_profile_names_the_nearest():
    with pytest.raises(SettingsError, match="did you mean 'sample'"):
        load_settings("smaple")


@pytest.mark.parametrize(
    ("path", "key", "nearest"),
    [
        ((), "segmentatoin", "segmentation"),
        (("super_resolution",), "upscalling", "upscaling"),
        (("super_resolution", "upscaling"), "tiles", "tile"),
        (("super_resolution", "art_esrgan", "train"), "total_iters", "total_iter"),
        (("super_resolution", "art_esrgan", "network_g"), "num_feats", "num_feat"),
        (("segmentation", "segmenter"), "minimal_confidnce", "minimal_confidence"),
        (("outpainters", "telea"), "raduis", "radius"),
        (("wikiart", "sources", "sample"), "pth", "path"),
    ],
)
def test_an_unknown_key_is_refused_with_place_key_and_nearest_name(path, key, nearest):
    content = load_settings("sample").model_dump(mode="json")
    section = content
    for part in path:
        section = section[part]
    section[key] = 1
    with pytest.raises(SettingsError) as caught:
        validate_settings(content, "configs/mine.yaml")
    full = ".".join([*path, key])
    assert f"configs/mine.yaml: unknown key '{full}'; did you mean '{nearest}'?" in str(
        caught.value
    )


def test_a_wrong_value_names_the_key_and_what_was_found():
    content = load_settings("sample").model_dump(mode="json")
    content["restoration"]["working_side"] = "large"
    with pytest.raises(SettingsError, match=r"mine: restoration.working_side: .*'large'"):
        validate_settings(content, "mine")


def test_all_faults_are_told_at_once():
    content = load_settings("sample").model_dump(mode="json")
    content["restoration"]["working_side"] = 1
    content["restoration"]["sed"] = 1
    with pytest.raises(SettingsError) as caught:
        validate_settings(content, "mine")
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("text", ["a: [", "just text", ""])
def test_a_file_that_is_no_profile_is_named(tmp_path, monkeypatch, text):
    (tmp_path / "mine.yaml").write_text(text)
    monkeypatch.setattr("deepart_assets.settings.profile.configs_folder", lambda: tmp_path)
    with pytest.raises(SettingsError, match=r"mine\.yaml"):
        load_settings("mine")


def test_every_setting_of_the_committed_profiles_is_known():
    # A key that pydantic ignored would be a setting without effect.
    for profile in PROFILES:
        content = yaml.safe_load((configs_folder() / f"{profile}.yaml").read_text())
        assert set(content) <= set(Settings.model_fields)
