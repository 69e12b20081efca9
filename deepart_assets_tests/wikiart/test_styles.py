import pandas as pd
import pytest

from deepart_assets.errors import SettingsError
from deepart_assets.settings.wikiart import StyledPaintings
from deepart_assets.wikiart.styles import filter_styles, style_counts


@pytest.fixture
def catalogue() -> pd.DataFrame:
    rows = [
        ("1", "Realism", "ok"),
        ("2", " realism", "ok"),
        ("3", "Post-Impressionism", "ok"),
        ("4", "", "ok"),
        ("5", "Realism", "quarantined"),
        ("6", "Cubism", "quarantined"),
        ("7", "Straße", "ok"),
    ]
    return pd.DataFrame(rows, columns=["id", "style", "status"])


@pytest.mark.parametrize(
    ("styles", "ids"),
    [
        ((), "12347"),
        (("REALISM ",), "12"),
        (("Realism", "post-impressionism"), "123"),
        (("STRASSE",), "7"),
    ],
)
def test_chosen_styles(catalogue, styles, ids):
    shuffled = catalogue.sample(frac=1, random_state=3)
    assert "".join(filter_styles(shuffled, StyledPaintings(styles=styles))["id"]) == ids


def test_limit(catalogue):
    choice = StyledPaintings(styles=("Realism", "Post-Impressionism"), limit=2)
    assert list(filter_styles(catalogue, choice)["id"]) == ["1", "2"]


def test_unknown_style_names_the_nearest_and_all(catalogue):
    with pytest.raises(SettingsError) as caught:
        filter_styles(catalogue, StyledPaintings(styles=("Realizm", "Realism", "Cubism")))
    message = str(caught.value)
    assert "'Realizm', did you mean 'Realism'" in message
    assert "'Cubism'" in message  # only a quarantined painting has it
    assert "Realism (2)" in message and "Post-Impressionism (1)" in message
    assert "(none) (1)" in message
    assert "styled_paintings.styles" in message


def test_counts_add_up(catalogue):
    kept = filter_styles(catalogue, StyledPaintings(styles=("Realism",)))
    counts = style_counts(catalogue, kept).set_index("style")
    assert counts.loc["Realism"].to_dict() == {"kept": 2, "dropped": 1}
    assert counts.loc["(none)"].to_dict() == {"kept": 0, "dropped": 1}
    assert counts["kept"].sum() == len(kept)
    assert counts.to_numpy().sum() == len(catalogue)
