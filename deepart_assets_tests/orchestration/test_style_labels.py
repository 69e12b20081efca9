"""The optional asset of zero-shot style labels in the real graph, with generated paintings."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from deepart_assets_tests.wikiart.zero_shot_files import save_model

STEP = {"Stripes": (1, 0), "Chequers": (1, 1)}


def add(project, name: str, style: str, seed: int, labelled: bool = True) -> None:
    """Draw stripes or chequers; without a CSV, a picture's style is the name of its folder."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:96, :80] // 8
    along, across = STEP[style]
    is_ink = (rows * along + columns * across) % 2 == 1
    picture = np.where(is_ink[..., None], random.integers(0, 90, 3), random.integers(160, 255, 3))
    folder = project.pictures / style if labelled else project.pictures
    folder.mkdir(exist_ok=True)
    noisy = np.clip(picture + random.normal(0, 4, picture.shape), 0, 255)
    Image.fromarray(noisy.astype(np.uint8)).save(folder / f"{name}.png")


@pytest.fixture
def styled(project):
    """Six labelled paintings of each of two styles, and two without a style."""
    for file in project.pictures.iterdir():
        file.unlink()
    for seed in range(6):
        for style in STEP:
            add(project, f"{style}{seed}", style, seed)
    add(project, "a", "Stripes", 20, labelled=False)
    add(project, "b", "Chequers", 21, labelled=False)
    model = save_model(project.folder / "clip")
    project.content["wikiart"]["style_labels"] = {"model": str(model), "minimal_score": 0}
    return project


def table(project, path: str) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(project.lake.read(path))).set_index("id")


def test_it_is_in_the_graph_only_if_the_profile_asks_for_it(project):
    def upstream(name):
        graph = project.defs().resolve_asset_graph()
        by_name = {node.key.to_user_string(): node for node in graph.asset_nodes}
        found = by_name.get(name)
        return found and {key.to_user_string() for key in found.parent_keys}

    assert upstream("style_labels") is None
    assert upstream("styled_paintings") == {"wikiart_paintings", "inbox_paintings"}
    project.content["wikiart"]["style_labels"] = {"model": str(save_model(project.folder / "clip"))}
    assert upstream("style_labels") == {"wikiart_paintings"}
    assert upstream("styled_paintings") == {
        "wikiart_paintings",
        "inbox_paintings",
        "style_labels",
    }


def test_labelled_styles_count_as_styles_and_are_marked(styled, instance):
    with styled.run("catalogue", instance) as result:
        assert result.success
    labels = table(styled, "style_labels/labels.parquet")
    assert labels.index.tolist() == ["a", "b"] and set(labels["style"]) <= set(STEP)
    kept = table(styled, "styled_paintings/paintings.parquet")
    assert kept.index[kept["style_labelled"]].tolist() == ["a", "b"]
    assert kept.loc[["a", "b"], "style"].tolist() == labels["style"].tolist()
    assert "a" in instance.get_dynamic_partitions("paintings")
    rows = styled.store.done("styled_paintings").figures["styles"]
    assert sum(row["labelled"] for row in rows) == 2 and sum(row["kept"] for row in rows) == 12

    made = styled.store.done("style_labels").made_at
    with styled.run("catalogue", instance) as result:
        assert result.success
    assert styled.store.done("style_labels").made_at == made


def test_without_the_setting_no_style_is_labelled(styled, instance):
    del styled.content["wikiart"]["style_labels"]
    with styled.run("catalogue", instance) as result:
        assert result.success
    kept = table(styled, "styled_paintings/paintings.parquet")
    assert kept.loc["a", "style"] == "" and not kept["style_labelled"].any()
    rows = styled.store.done("styled_paintings").figures["styles"]
    assert {"name": "(none)", "kept": 2, "dropped": 0} in rows


def config(style_labels):
    return {"resources": {"profile": {"config": {"wikiart": {"style_labels": style_labels}}}}}


def test_a_single_run_may_label_otherwise(styled, instance):
    with styled.run("catalogue", instance, run_config=config({"minimal_score": 1})) as result:
        assert result.success
    assert table(styled, "style_labels/labels.parquet").empty  # no style is so sure
    with styled.run("catalogue", instance) as result:
        assert result.success
    assert table(styled, "style_labels/labels.parquet").index.tolist() == ["a", "b"]


def test_whether_styles_are_labelled_is_no_matter_of_a_single_run(styled, instance):
    def failures(given):
        with styled.run("catalogue", instance, run_config=config(given)) as result:
            assert not result.success
            failed = result.filter_events(lambda event: event.is_step_failure)
        return {event.step_key: str(event.step_failure_data.error) for event in failed}

    told = failures(None)
    assert list(told) == ["style_labels", "styled_paintings"], "which lacks the labels"
    assert "wikiart.style_labels is part of the graph" in told["style_labels"]
    model = styled.content["wikiart"].pop("style_labels")
    [(step, told)] = failures(model).items()
    assert step == "styled_paintings" and "wikiart.style_labels is part of the graph" in told
