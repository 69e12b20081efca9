"""`recipes/ground_library`: a folder of pictures becomes a library that a profile can name."""

import csv

import pytest
from PIL import Image

from deepart_assets.errors import DeepArtError
from deepart_assets.outpainting.scene_completion.shipped import ShippedLibrary, find_library
from deepart_assets.settings.grounds import FolderLibrary
from deepart_assets_tests.conftest import draw_painting
from recipes.ground_library.__main__ import main, read_index

INDEX = "file,title,artist,year,genre,licence,source,more\n"


def test_an_index_names_each_picture_and_may_lack_columns(tmp_path):
    with pytest.raises(DeepArtError, match=r"index\.csv"):
        read_index(tmp_path)
    index = tmp_path / "index.csv"
    index.write_text("picture,title\nb.png,B\n")
    with pytest.raises(DeepArtError, match="no column file"):
        read_index(tmp_path)
    index.write_text("file,title\nb.png,B\na.png,A\n")
    rows = read_index(tmp_path)
    assert [row["file"] for row in rows] == ["a.png", "b.png"]
    assert rows[0]["title"] == "A" and rows[0]["licence"] == ""
    index.write_text("file,title\nWand.png,A\nb.png,B\nWänd.jpg,C\n")
    with pytest.raises(DeepArtError, match=r"Wand\.png and Wänd\.jpg would have one id, 'wand'"):
        read_index(tmp_path)


@pytest.mark.slow
def test_a_folder_becomes_a_library_with_credits(tmp_path, capsys):
    pictures, library = tmp_path / "pictures", tmp_path / "library"
    pictures.mkdir()
    lines = [INDEX]
    for number in range(8):
        Image.fromarray(draw_painting(number)).save(pictures / f"Wall_{number}.png")
        lines.append(f"Wall_{number}.png,Wall | {number},,1890,portrait,CC0-1.0,a museum,\n")
    (pictures / "index.csv").write_text("".join(lines))
    main([str(pictures), "--output", str(library), "--side", "120"])
    assert "8 grounds" in capsys.readouterr().out
    found = find_library(FolderLibrary(kind="folder", path=str(library)))
    assert [ground.id for ground in found.library.grounds] == [f"wall-{n}" for n in range(8)]
    ground = found.library.grounds[3]
    assert (ground.title, ground.year, ground.licence) == ("Wall | 3", 1890, "CC0-1.0")
    assert found.picture("wall-3", 60).shape == (75, 60, 3)
    with (library / "paintings.csv").open() as table:
        assert [row["id"] for row in csv.DictReader(table)] == [f"wall-{n}" for n in range(8)]
    assert (
        r"| Wall \| 3 | unknown | 1890 | `wall-3.webp` | a museum | CC0-1.0 |"
        in (library / "CREDITS.md").read_text()
    )

    before = ShippedLibrary(library).hash
    (library / "wall-3.webp").write_bytes((library / "wall-2.webp").read_bytes())
    assert ShippedLibrary(library).hash != before, "another picture is another library"
