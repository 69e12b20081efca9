"""The optional asset of predicted styles in the real graph, with generated paintings."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

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
    """Six labelled paintings of each of two styles, and two without; the style is predicted."""
    pytest.importorskip("efficientnet_lite_pytorch")
    for file in project.pictures.iterdir():
        file.unlink()
    for seed in range(6):
        for style in STEP:
            add(project, f"{style}{seed}", style, seed)
    add(project, "a", "Stripes", 20, labelled=False)
    add(project, "b", "Chequers", 21, labelled=False)
    project.content["wikiart"]["predicted_styles"] = {"minimal_confidence": 0}
    return project


def table(project, path: str) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(project.lake.read(path))).set_index("id")


def test_it_is_in_the_graph_only_if_the_profile_asks_for_it(project):
    def upstream(name):
        graph = project.defs().resolve_asset_graph()
        by_name = {node.key.to_user_string(): node for node in graph.asset_nodes}
        found = by_name.get(name)
        return found and {key.to_user_string() for key in found.parent_keys}

    assert upstream("predicted_styles") is None
    assert upstream("styled_paintings") == {"wikiart_paintings", "inbox_paintings"}
    project.content["wikiart"]["predicted_styles"] = {}
    assert upstream("predicted_styles") == {"wikiart_paintings"}
    assert upstream("styled_paintings") == {
        "wikiart_paintings",
        "inbox_paintings",
        "predicted_styles",
    }


def test_predicted_styles_count_as_styles_and_are_marked(styled, instance):
    styled.content["styled_paintings"] = {"styles": ["stripes"]}
    with styled.run("catalogue", instance) as result:
        assert result.success
    predicted = table(styled, "predicted_styles/styles.parquet")
    assert predicted["style"].to_dict() == {"a": "Stripes", "b": "Chequers"}
    kept = table(styled, "styled_paintings/paintings.parquet")
    assert kept.index[kept["style_predicted"]].tolist() == ["a"]
    assert set(kept["style"]) == {"Stripes"} and len(kept) == 7
    assert "a" in instance.get_dynamic_partitions("paintings")

    figures = styled.store.done("styled_paintings").figures
    assert figures["styles"][0] == {"name": "Chequers", "kept": 0, "predicted": 0, "dropped": 7}
    assert figures["styles"][1] == {"name": "Stripes", "kept": 6, "predicted": 1, "dropped": 0}
    assert [row["name"] for row in figures["conditions"]] == ["readable", "styles"]
    figures = styled.store.done("predicted_styles").figures
    assert figures["accuracy"] > figures["chance"] == 0.5
    assert figures["plot"].startswith("data:image/png")

    made = styled.store.done("predicted_styles").made_at
    with styled.run("catalogue", instance) as result:
        assert result.success
    assert styled.store.done("predicted_styles").made_at == made


def test_without_the_setting_no_style_is_predicted(styled, instance):
    del styled.content["wikiart"]["predicted_styles"]
    with styled.run("catalogue", instance) as result:
        assert result.success
    kept = table(styled, "styled_paintings/paintings.parquet")
    assert kept.loc["a", "style"] == "" and not kept["style_predicted"].any()
    rows = styled.store.done("styled_paintings").figures["styles"]
    assert {"name": "(none)", "kept": 2, "dropped": 0} in rows
