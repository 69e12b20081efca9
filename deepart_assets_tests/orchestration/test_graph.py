"""The asset graph has the stages, groups and lineage that the project promises."""

import dagster as dg
import pytest

from deepart_assets.build import asset_specs, build_defs
from deepart_assets.settings import load_settings

WIKIART = {"wikiart_paintings", "inbox_paintings", "styled_paintings"}
SUPER_RESOLUTION = {
    "wikiart_sr",
    "lr_hr_pairs",
    "psnr_weights",
    "art_esrgan",
    "art_esrgan_evaluation",
}


@pytest.fixture(params=["sample", "gpu", "ray", "kubernetes"])
def settings(request):
    return load_settings(request.param)


@pytest.fixture
def graph(settings, tmp_path):
    return build_defs(settings, str(tmp_path)).resolve_asset_graph()


def names(keys):
    return {key.to_user_string() for key in keys}


def parents(graph, name):
    return names(graph.get(dg.AssetKey(name)).parent_keys)


def ancestors(graph, name):
    found, waiting = set(), [dg.AssetKey(name)]
    while waiting:
        for parent in graph.get(waiting.pop()).parent_keys:
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return names(found)


def with_requests(settings):
    kinds = {"artificially_inspired", "stable_diffusion", "diffusers", "scene_completion"}
    return [name for name, kind in settings.outpainters.items() if kind.kind in kinds]


def test_groups(graph, settings):
    restoration = {"restoration_sheets", "chosen_restorations"}
    for name in settings.outpainters:
        restoration.add(f"{name}_upscaled")
    expected = {
        "wikiart": WIKIART,
        "super_resolution": SUPER_RESOLUTION,
        "segmentation": {"predicted_masks", "subject_masks"},
        "restoration": restoration,
        "evaluation": {"subject_masks_evaluation", "outpainting_evaluation"},
        "gallery": {"gallery"},
        "automation": {"restoration_plan"},
        "outpainting": {f"{name}_outpaintings" for name in settings.outpainters}
        | {"unfinished_paintings"},
    }
    for name, outpainter in settings.outpainters.items():
        if outpainter.kind == "artificially_inspired":
            expected["outpainting"].add(f"{name}_weights")
        if outpainter.kind == "scene_completion":
            expected["outpainting"] |= {"painting_grounds", "ground_library"}
    found: dict[str, set[str]] = {}
    for key in graph.materializable_asset_keys:
        found.setdefault(graph.get(key).group_name, set()).add(key.to_user_string())
    assert found == expected


def test_restoration_has_a_partition_for_each_painting_and_runs_as_one(graph):
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        name = node.key.to_user_string()
        if (
            node.group_name in ("segmentation", "restoration")
            or name.endswith("_outpaintings")
            or name in ("unfinished_paintings", "painting_grounds")
        ):
            assert node.partitions_def == dg.DynamicPartitionsDefinition(name="paintings")
            assert node.backfill_policy == dg.BackfillPolicy.single_run()
        else:
            assert node.partitions_def is None


def test_a_mask_reaches_every_output_and_art_esrgan_every_upscaled_result(graph, settings):
    for name in settings.outpainters:
        assert "subject_masks" in ancestors(graph, f"{name}_outpaintings")
        assert "art_esrgan" not in ancestors(graph, f"{name}_outpaintings")
        assert {"subject_masks", "art_esrgan"} <= ancestors(graph, f"{name}_upscaled")
        assert f"{name}_upscaled" in parents(graph, "restoration_sheets")
    assert ancestors(graph, "gallery") == (
        names(graph.materializable_asset_keys)
        - {"gallery", "art_esrgan_evaluation", "subject_masks_evaluation", "outpainting_evaluation"}
        - {"restoration_plan"}
        | {"curated_masks", "subject_texts", "curator_choices", "paintings"}
        | {f"{name}_requests" for name in with_requests(settings)}
    )


def test_the_chain_of_an_outpainter_is_one_line(graph, settings):
    """What a longer path implies has no edge; what it does not imply has one."""
    shared = {"art_esrgan", "ground_library", "psnr_weights"}
    assert names(graph.get(dg.AssetKey("paintings")).child_keys) == {"predicted_masks"}
    assert parents(graph, "subject_masks") == {"predicted_masks", "curated_masks"}
    assert parents(graph, "unfinished_paintings") == {"subject_masks"}
    for name in settings.outpainters:
        own = {f"{name}_weights", f"{name}_requests"}
        outpaintings = parents(graph, f"{name}_outpaintings") - own - shared
        assert outpaintings == {"unfinished_paintings"}
        assert parents(graph, f"{name}_upscaled") - shared == {f"{name}_outpaintings"}
    upscaled = {f"{name}_upscaled" for name in settings.outpainters}
    assert parents(graph, "restoration_sheets") == upscaled
    # Made also where a result or the sheet is missing: nothing is implied by those.
    assert parents(graph, "chosen_restorations") == upscaled | {
        "subject_masks", "restoration_sheets", "curator_choices"
    }  # fmt: skip
    assert parents(graph, "gallery") == {
        "styled_paintings", "restoration_sheets", "chosen_restorations"
    }  # fmt: skip


def test_the_versions_on_the_longer_path_cover_what_is_read_past_it(graph, settings):
    specs = {spec.name: spec for part in asset_specs(settings).values() for spec in part}

    def arrives(name, dep):
        """Whether a change of what is upstream changes what Dagster compares of an asset."""
        between = parents(graph, name) & specs.keys()
        return dep in parents(graph, name) or any(
            dep in getattr(specs[each], "covered", ()) and arrives(each, dep) for each in between
        )

    for name, spec in specs.items():
        read = [*spec.painting_deps, *(["paintings"] if hasattr(spec, "covered") else [])]
        assert [dep for dep in read if not arrives(name, dep)] == []


def test_what_a_curator_decides_is_in_the_lineage(graph, settings):
    chosen = ancestors(graph, "chosen_restorations")
    assert "curator_choices" in chosen
    assert {f"{name}_upscaled" for name in settings.outpainters} <= chosen
    for name in with_requests(settings):
        asked = names(graph.get(dg.AssetKey(f"{name}_requests")).child_keys)
        assert asked == {f"{name}_outpaintings"}


def test_one_outpainter_is_no_ancestor_of_the_other(graph, settings):
    first, second = list(settings.outpainters)[:2]
    assert f"{first}_outpaintings" not in ancestors(graph, f"{second}_upscaled")


def test_every_asset_says_what_it_is(graph):
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        assert len(node.description or "") > 40, key
        assert "\n    " not in (node.description or ""), f"{key}: the UI shows this as code"
        assert node.code_version, key
        assert node.kinds, key


def test_the_promised_checks_exist(graph, settings):
    checks = {f"{key.asset_key.to_user_string()}:{key.name}" for key in graph.asset_check_keys}
    assert {
        "wikiart_paintings:readable",
        "lr_hr_pairs:aligned",
        "predicted_masks:texts_are_read",
        "subject_masks:neither_empty_nor_full",
    } <= checks
    for name in settings.outpainters:
        assert f"{name}_outpaintings:subject_untouched" in checks
        assert f"{name}_upscaled:four_times_larger" in checks
        assert f"{name}_upscaled:subject_is_the_painters" in checks
