"""What is not used is on one list: of the inbox, the sources and the masks folder."""

import io
import os

from rich.console import Console

from deepart_assets.cli_tables import print_left_out
from deepart_assets.desk.export import Gallery
from deepart_assets.settings.wikiart import Inbox
from deepart_assets.storage import Lake, MaterializationStore
from deepart_assets.wikiart.catalogue import build_catalogue, to_parquet
from deepart_assets.wikiart.left_out import LeftOut, left_out_files
from deepart_assets.wikiart.naming import INBOX
from deepart_assets.wikiart.sources.inbox import inbox_stamps, open_inbox
from deepart_assets_tests.imaging.test_imaging import GRADIENT, saved


def jpeg():
    from PIL import Image

    return saved(Image.fromarray(GRADIENT).resize((64, 64)))


def test_content_decides_and_nothing_is_left_out_in_silence(tmp_path):
    lake = Lake(str(tmp_path))
    inbox = tmp_path / "inbox"
    open_inbox(Inbox(), lake)
    assert (inbox / "README.md").is_file() and (tmp_path / "masks" / "README.md").is_file()
    good = {"a.HEIC": jpeg(), "no suffix": jpeg() + b"\0", "b.jxl": jpeg() + b"\0\0"}
    bad = {
        "a folder/two\nlines.svg": (b'<?xml version="1.0"?>\n<svg/>', "SVG"),
        "c (1).psd": (b"8BPS" + bytes(99), "Photoshop"),
        "d.pdf": (b"%PDF-1.7", "PDF"),
        "e.cr3": (b"\0\0\0\x18ftypcrx " + bytes(99), "raw"),
        "f.heic": (b"\0\0\0\x18ftypheic" + bytes(99), "HEIC"),
    }
    told = {"list.xlsx": "is a table that is not read", "more.zip": "is an archive: unpack it"}
    for name, data in {**good, **{k: v[0] for k, v in bad.items()}}.items():
        (inbox / name).parent.mkdir(exist_ok=True)
        (inbox / name).write_bytes(data)
    for name in told:
        (inbox / name).write_bytes(b"x")
    lake.write("masks/nobody.png", b"")
    source = open_inbox(Inbox(), lake)
    assert set(inbox_stamps(Inbox(), lake)) == {*good, *bad, *told}
    build = build_catalogue([source])
    table = build.catalogue.set_index("file")
    assert set(table.index[table["status"] == "ok"]) == {"a.HEIC", "no_suffix", "b.jxl"}
    lake.write(INBOX.catalogue, to_parquet(build.catalogue))
    rows = left_out_files(MaterializationStore(lake), {})
    names = [f"inbox/{name}".replace("\n", "\ufffd") for name in bad]
    assert [row.file for row in rows] == [*names, "masks/nobody.png"]
    for row, (_, words) in zip(rows, bad.values(), strict=False):
        assert words in row.reason and row.remedy
    out = io.StringIO()
    print_left_out(Console(file=out, width=200), rows)
    store = MaterializationStore(lake)
    for path, data in Gallery(store, [], rows).write():
        lake.write(path, data)
    assert "left_out.html" in lake.read("gallery/index.html").decode()
    page = lake.read("gallery/left_out.html").decode()
    for row in rows:
        assert row.file in out.getvalue() and row.file in page


def test_a_name_that_is_no_text_is_shown_as_well_as_it_can_be(tmp_path):
    store = MaterializationStore(Lake(str(tmp_path)))
    (tmp_path / "masks").mkdir()
    for name in (b"caf\xe9.png", b"caf_.p\xe9g", b"caf\xe8.png"):
        (tmp_path / "masks" / os.fsdecode(name)).write_bytes(b"")
    for paintings in ({}, {"caf_"}):
        rows = left_out_files(store, paintings)
        assert len(rows) == 2
        assert "masks/caf\ufffd.png" in [row.file for row in rows]
        list(Gallery(store, [], rows).write())
        assert "caf\ufffd.png" in store.lake.read("gallery/left_out.html").decode()


def test_a_painting_that_gives_way_is_on_the_list(done, instance):
    [original] = [path for path in done.lake.list("wikiart_paintings") if path.endswith("/p1.png")]
    done.lake.write("inbox/another name.png", done.lake.read(original))
    with done.run("catalogue", instance) as result:
        assert result.success
    [row] = left_out_files(done.store, {})
    assert row.file == "inbox/another_name.png"
    assert "is byte for byte the same file as WikiArt's p1" in row.reason
    assert "remove one" in row.remedy
    done.lake.write("inbox/p1.png", jpeg())
    with done.run("catalogue", instance) as result:
        assert result.success
    [row] = left_out_files(done.store, {})
    assert row.file == original
    assert done.store.get("styled_paintings").figures["inbox"] == 2


def test_a_remedy_follows_the_last_colon_or_sentence():
    assert LeftOut.of("x/a.pdf", "a.pdf is a PDF file: export it") == (
        "x/a.pdf", "is a PDF file", "export it",
    )  # fmt: skip
    assert LeftOut.of("p1", "No subject. Draw one").remedy == "Draw one"
    assert LeftOut.of("p1", "nothing") == ("p1", "nothing", "")
