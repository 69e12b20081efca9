"""Profiles load, and what is wrong with one is said with file, key and nearest name."""

import re

import pytest
import yaml
from pydantic import ValidationError

from deepart_assets.errors import SettingsError
from deepart_assets.settings import Settings, load_settings, validate_settings
from deepart_assets.settings.places import PROJECT, configs_folder
from deepart_assets.settings.restoration import Restoration

PROFILES = sorted(path.stem for path in configs_folder().glob("*.yaml"))


def test_the_profiles_are_there():
    assert {"sample", "gpu", "ray", "kubernetes"} <= set(PROFILES)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_is_valid_and_survives_a_round_trip(profile):
    settings = load_settings(profile)
    content = settings.model_dump(mode="json")
    assert validate_settings(content, "round trip") == settings


def documented_profiles():
    """Return the profiles in the documentation: blocks of YAML that extend one."""
    for page in sorted((PROJECT / "docs").rglob("*.md")):
        blocks = re.findall(r"^```yaml\n(extends: .*?)^```$", page.read_text(), re.M | re.S)
        for number, block in enumerate(blocks, 1):
            yield pytest.param(block, id=f"{page.stem} {number}")


@pytest.mark.parametrize("block", list(documented_profiles()))
def test_the_profiles_in_the_documentation_load(tmp_path, block):
    (tmp_path / "mine.yaml").write_text(block)
    assert load_settings(str(tmp_path / "mine.yaml")).profile == "mine"


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
        (("super_resolution", "art_esrgan", "network_d"), "num_feats", "num_feat"),
        (("super_resolution", "art_esrgan", "train", "pixel_opt"), "loss_wieght", "loss_weight"),
        (("super_resolution", "art_esrgan", "train", "scheduler"), "gama", "gamma"),
        (("segmentation", "segmenter"), "minimal_confidnce", "minimal_confidence"),
        (("outpainters", "patchmatch"), "pach", "patch"),
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


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("by {painter}", r"\{painter\} is not known: use \{style\}, \{genre\}, \{artist\}"),
        ("a painting[ in {mood}]", r"\{mood\} is not known"),
        ("by {artist.name}", r"\{artist\.name\} is not known"),
        ("by {}", r"\{\} is not known"),
        ("by {artist", r"expected '\}'.*\{\{ for a brace"),
        ("in {date:d}", "Unknown format code 'd'"),
    ],
)
def test_a_prompt_that_cannot_be_filled_in_is_refused(template, fault):
    with pytest.raises(ValidationError, match=fault):
        Restoration(prompt=template)


def test_a_prompt_may_name_all_that_is_known_of_a_painting():
    known = "{style}, {genre}[ by {artist}: {title!s}], {date:>6} {{as is}}"
    assert Restoration(prompt=known).prompt == known


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
        assert set(content) <= {"extends", *Settings.model_fields}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    content = load_settings("sample").model_dump(mode="json", exclude={"profile"})
    monkeypatch.setattr("deepart_assets.settings.profile.configs_folder", lambda: tmp_path)
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(content))
    return tmp_path


def test_a_profile_says_only_what_differs_from_the_one_it_extends(folder):
    (folder / "mine.yaml").write_text(
        "extends: base\nrestoration: {working_side: 96}\nexecution: {kind: ray}\n"
    )
    base, mine = load_settings("base"), load_settings("mine")
    assert mine.profile == "mine" and mine.restoration.working_side == 96
    assert mine.execution.kind == "ray"
    changed = {"profile", "restoration", "execution"}
    assert mine.model_dump(exclude=changed) == base.model_dump(exclude=changed)
    # One that extends it in turn, from another place.
    (folder / "more.yml").write_text("extends: mine\nrestoration: {seed: 5}\n")
    more = load_settings(str(folder / "more.yml"))
    assert more.restoration == mine.restoration.model_copy(update={"seed": 5})


def test_the_shipped_clusters_have_the_gpu_profiles_settings():
    gpu = load_settings("gpu").model_dump(exclude={"profile", "execution"})
    for name in ("ray", "kubernetes"):
        settings = load_settings(name)
        assert settings.execution.kind == name
        assert settings.model_dump(exclude={"profile", "execution"}) == gpu


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("extends: bsae", r"mine\.yaml: extends: There is no profile 'bsae'.*did you mean 'base'"),
        ("extends: mine", r"mine\.yaml: extends: it extends itself"),
        ("extends: [base]", r"mine\.yaml: extends takes one name or path \(found \['base'\]\)"),
        ("extends: base\nrestoration:\n", "restoration is empty: give it a value, or remove it"),
        (
            "extends: base\nrestoration: {sed: 1}",
            r"mine\.yaml, which extends \S*base\.yaml: unknown key 'restoration\.sed'.*'seed'",
        ),
        ("outpainters: {}", r"mine\.yaml: wikiart is missing: add it, or extend"),
        (
            "extends: base\nsegmentation: {segmenter: {kind: bundld}}",
            r"segmentation\.segmenter\.kind: 'bundld' is none of 'saliency', 'bundled', ",
        ),
        (
            "extends: base\nsuper_resolution: {art_esrgan: {train: {pixel_opt: {type: L1loss}}}}",
            r"train\.pixel_opt\.type: 'L1loss' is none of .*; did you mean 'L1Loss'\?",
        ),
        (
            "extends: base\nsuper_resolution: {art_esrgan: {train: {pixel_opt: L1Loss}}}",
            r"train\.pixel_opt has no `type`: write \{type: …\} \(found 'L1Loss'\)",
        ),
        (
            "extends: base\nsegmentation: {segmenter: bundled}",
            r"segmentation\.segmenter has no `kind`: write \{kind: …\} \(found 'bundled'\)",
        ),
        (
            "extends: base\noutpainters:\n  a: {kind: telea}\n  a: {kind: patchmatch}",
            r"(?s)mine\.yaml is not valid YAML: the key 'a' is given twice.*line 4",
        ),
        (
            "extends: base\noutpainters:\n  ? [a, b]\n  : {kind: telea}",
            r"(?s)mine\.yaml is not valid YAML: a key is a list or a mapping.*line 3",
        ),
    ],
)
def test_what_is_wrong_with_an_extending_profile_is_said_with_its_file(folder, text, reported):
    (folder / "mine.yaml").write_text(text)
    with pytest.raises(SettingsError, match=reported):
        load_settings("mine")
