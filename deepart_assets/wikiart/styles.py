"""Which paintings are restored: those of the chosen styles.

Belongs here: comparing style names and counting. Does not belong here: the choice for
super-resolution (`selection`), which does not look at styles.
"""

import difflib
from typing import TYPE_CHECKING

from deepart_assets.errors import SettingsError
from deepart_assets.settings.wikiart import StyledPaintings

if TYPE_CHECKING:
    import pandas

UNNAMED = "(none)"
"""How a missing style is shown."""


def filter_styles(catalogue: "pandas.DataFrame", choice: StyledPaintings) -> "pandas.DataFrame":
    """Return the "ok" rows of the chosen styles in the order of ids, at most `choice.limit`.

    Names are compared without case and surrounding space; no styles chosen means all paintings.

    Raises:
        SettingsError: No painting has one of the chosen styles; the message has the nearest names
            and the counts of all.
    """
    usable = catalogue[catalogue["status"] == "ok"].sort_values("id", kind="stable")
    styles = usable["style"].map(_folded)
    if choice.styles:
        wanted = {_folded(name): name for name in choice.styles}
        unknown = [name for key, name in wanted.items() if key not in set(styles)]
        if unknown:
            raise SettingsError(_explain(unknown, usable))
        usable = usable[styles.isin(list(wanted))]
    return usable.iloc[: choice.limit].reset_index(drop=True)


def style_counts(catalogue: "pandas.DataFrame", kept: "pandas.DataFrame") -> "pandas.DataFrame":
    """Count paintings by style: columns style, kept, dropped; sorted by style.

    "dropped" are all other rows of the catalogue, quarantined ones too. Spellings that differ in
    case or space only are counted together under the first of them.
    """
    import pandas as pd

    spelling: dict[str, str] = {}
    for name in sorted(catalogue["style"].str.strip()):
        spelling.setdefault(_folded(name), name or UNNAMED)
    all_counts = catalogue["style"].map(_folded).value_counts()
    kept_counts = kept["style"].map(_folded).value_counts()
    rows = [
        {"style": name, "kept": taken, "dropped": int(all_counts[key]) - taken}
        for key, name in sorted(spelling.items())
        for taken in [int(kept_counts.get(key, 0))]
    ]
    return pd.DataFrame(rows, columns=["style", "kept", "dropped"])


def _folded(name: str) -> str:
    return name.strip().casefold()


def _explain(unknown: list[str], usable: "pandas.DataFrame") -> str:
    counts = style_counts(usable, usable)
    names = {_folded(name): name for name in counts["style"] if name != UNNAMED}
    parts = []
    for name in unknown:
        close = difflib.get_close_matches(_folded(name), list(names), n=3, cutoff=0.5)
        hint = ", did you mean " + " or ".join(repr(names[key]) for key in close) if close else ""
        parts.append(f"no painting has the style {name!r}{hint}")
    known = ", ".join(f"{row.style} ({row.kept})" for row in counts.itertuples())
    return f"styled_paintings.styles: {'; '.join(parts)}. Styles there are: {known or UNNAMED}"
