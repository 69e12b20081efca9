"""CSVs as Excel, Numbers and databases save them: separator, encoding, blanks, case, names."""

import pytest

from deepart_assets.wikiart.annotations import ANNOTATED, annotate
from deepart_assets.wikiart.sources import Picture, Source

ROWS = [
    ["Datei", "Künstler", "Titel", "Jahr"],
    ["café.jpg", "Mönch, Édouard", "Der Schrei; zweite Fassung", "1893"],
    ["obj2/default.jpg", "Jan van Eyck", "Arnolfini", "1434"],
]


def source(csv, paths=("café.jpg", "obj1/default.jpg", "obj2/default.jpg")):
    pictures = tuple(Picture(path, lambda: b"") for path in paths)
    return Source("inbox", "the inbox", pictures, csv)


def saved(separator=",", encoding="utf-8", end="\n", header=None):
    rows = [header or ROWS[0], *ROWS[1:]]
    quoted = [[f'"{cell}"' if separator in cell else cell for cell in row] for row in rows]
    return (end.join(separator.join(row) for row in quoted) + end).encode(encoding)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_separator_and_encoding_are_found_out(separator, encoding, end):
    found = annotate(source(saved(separator, encoding, end)))
    assert list(found.table["artist"]) == ["Mönch, Édouard", "", "Jan van Eyck"]
    assert list(found.table["title"]) == ["Der Schrei; zweite Fassung", "", "Arnolfini"]
    assert list(found.table["date"]) == ["1893", "", "1434"]
    assert (found.rows_without_picture, found.pictures_without_row) == (0, 1)
    assert bool(found.warnings) == (encoding == "cp1252")


@pytest.mark.parametrize(
    "header",
    [
        ["new_filename", "artist", "title", "date"],
        [" Filename ", "ARTIST", "Title ", "Year"],
        ["File Name", "Painter", "name", "dated"],
        ["image", "Creator", "title", "creation-date"],
        ["new_filename", "artist", "title", "year"],
    ],
)
def test_columns_are_known_by_common_names(header):
    found = annotate(source(saved(header=header)))
    assert found.table.loc[0, list(ANNOTATED)].tolist() == [
        "Mönch, Édouard", "Der Schrei; zweite Fassung", "", "", "1893",
    ]  # fmt: skip


@pytest.mark.parametrize("before", [b"sep=;\r\n", b"\r\n", b";;;\n \n"])
def test_excels_hint_and_empty_rows_are_no_header(before):
    assert annotate(source(before + saved(";"))).table.loc[0, "date"] == "1893"


def test_a_quotation_mark_that_nothing_closes_is_told():
    rows = 'file,title\nobj1/default.jpg,"A ""great"" title"\ncafé.jpg,"never closed\nlater\n'
    (warning,) = annotate(source(rows.encode())).warnings
    assert "in the row of café.jpg" in warning
    closed = source(rows.replace("later", 'later"').encode())
    assert not annotate(closed).warnings
    inches = 'file,title\ncafé.jpg,Sketch 24" wide\n'
    assert not annotate(source(inches.encode())).warnings


def test_line_breaks_are_blanks_in_a_title_and_stay_in_a_subject():
    rows = 'file,artist,title,subject\ncafé.jpg,"Jan  Steen\r\n","The\n Feast","a dog\na cat"\n'
    row = annotate(source(rows.encode())).table.loc[0]
    assert (row["artist"], row["title"]) == ("Jan  Steen", "The Feast")
    assert row["subject"] == "a dog\na cat"


@pytest.mark.parametrize(
    ("csv", "words"),
    [
        (b"", "no column that names the files"),
        (b"colour;size\nred;3\n", "no column that names the files but colour, size"),
        (b"PK\x03\x04 not a CSV at all \x00\xff", "is a workbook by its content"),
        (b"\x00\x01" + b"x" * 9000, "files but \ufffd"),
        (b'file,title\ncaf\xe9.jpg,"never closed\n' + b"x" * 200_000, "field larger"),
    ],
)
def test_a_csv_that_cannot_be_read_costs_the_facts_and_not_the_pictures(csv, words):
    found = annotate(source(csv))
    assert len(found.table) == 3
    assert any(words in each for each in found.warnings)


def test_rows_that_describe_a_file_in_different_ways_are_told():
    same = annotate(source(b"file,title\ncaf\xc3\xa9.jpg,A\ncaf\xc3\xa9.jpg,A\n"))
    assert same.warnings == () and same.table.loc[0, "title"] == "A"
    found = annotate(source("file,title\ncafé.jpg,A\ncafe\u0301.jpg,B\nx.jpg,C\n".encode()))
    assert found.table.loc[0, "title"] == "A"
    warning, _ = found.warnings
    assert "rows that differ for the same file, cafe\u0301.jpg: the first" in warning


def test_a_misspelt_file_is_told_with_the_picture_that_lacks_its_facts():
    csv = b"file,title\nsunflower.jpg,Sunflowers\nstars.jpg,The Starry Night\n"
    found = annotate(source(csv, ("stars.jpg", "sunflowers.jpg")))
    (warning,) = found.warnings
    assert "files that do not exist (1, such as sunflower.jpg)" in warning
    assert "nothing of some that are (1, such as sunflowers.jpg)" in warning
    assert not annotate(source(csv, ("stars.jpg",))).warnings  # a part of a collection
    assert not annotate(source(csv, ("stars.jpg", "sunflower.jpg", "new.jpg"))).warnings


@pytest.mark.parametrize(
    ("keys", "paths", "titles"),
    [
        (
            ["29.100", "29.100.1", "29.100.2"],
            ["29.100.1.jpg", "29.100.2.jpg", "29.100.jpg"],
            ["29.100.1", "29.100.2", "29.100"],
        ),
        (["29.100.1"], ["29.100.jpg"], [""]),
        (["29.100.1.png"], ["29.100.1", "29.100.jpg"], ["29.100.1.png", ""]),
        (["29.100.png", "29"], ["29.100.jpg", "29.jpg"], ["29.100.png", "29"]),
        (["St. Jerome", "ST"], ["St. Jerome.jpg", "ST.jpg"], ["St. Jerome", "ST"]),
        (["obj1/St. Jerome"], ["obj2/St. Jerome.jpg"], ["obj1/St. Jerome"]),
        (["a.png", "b"], ["x/a.jpg", "x/b.jpg"], ["a.png", "b"]),
        (["a.png", "a.jpg"], ["a.tif"], ["a.png"]),
        (["x/a.png", "y/a.png"], ["a.png"], ["x/a.png"]),
    ],
)
def test_a_dot_in_a_name_without_a_suffix_gives_no_row_to_another_picture(keys, paths, titles):
    csv = "\n".join(["file,title", *(f"{key},{key}" for key in keys)])
    assert list(annotate(source(csv.encode(), paths)).table["title"]) == titles


@pytest.mark.parametrize(
    ("keys", "titles"),
    [
        (["./obj1/default.jpg", "./obj2/default.jpg"], "01"),
        (["/obj2/default.jpg", "/obj1/default.jpg"], "10"),
        ([r"C:\scans\obj1\default.jpg", r"C:\scans\obj2\default.jpg"], "01"),
        (["Obj1/Default.JPG", "OBJ2/default.jpg"], "01"),
        (["obj1/default", "obj2/default"], "01"),
        (["obj1/default.png", "obj2/default"], "01"),
        (
            [f"https://a.org/iiif/2/obj{n}/full/1200,/0/default.jpg?x=/" for n in (2, 1)],
            "10",
        ),
        (["obj1/default.jpg", "obj3/default.jpg"], "0-"),
        (["obj3/default.jpg", "obj4/default.jpg"], "--"),
        (["default.jpg"], "00"),
        (["obj1/default.jpg", "default.jpg"], "01"),
        (["a/obj1/default.jpg", "b/obj1/default.jpg"], "--"),
    ],
)
@pytest.mark.parametrize("inside", ["", "full/max/0/", "full/1200,/0/", "10,0,5,5/pct:50/90/"])
def test_pictures_of_one_name_are_told_apart_by_their_folders(keys, titles, inside):
    csv = "\n".join(["file,title", *(f'"{key}",{row}' for row, key in enumerate(keys))])
    paths = [f"obj{number}/{inside}default.jpg" for number in (1, 2)]
    found = annotate(source(csv.encode(), paths))
    assert [title or "-" for title in found.table["title"]] == list(titles)
    called = [each for each in found.warnings if "2 pictures are called default.jpg" in each]
    assert len(called) == (keys == ["default.jpg"])
    assert all(each.endswith("name them with their folder") for each in called)


def test_a_path_in_its_own_case_comes_first_and_a_top_level_name_is_a_path():
    csv = b"file,title\nA.jpg,A\na.jpg,a\n"
    found = annotate(source(csv, ["a.jpg", "A.jpg", "sub/a.jpg"]))
    assert list(found.table["title"]) == ["a", "A", ""] and not found.warnings


def test_blanks_before_quotation_marks_and_old_line_ends():
    spaced = annotate(
        source(b'file, "title", artist\na.jpg, "Night, The", "Munch, E."\n', ["a.jpg"])
    )
    assert spaced.table.loc[0, ["title", "artist"]].tolist() == ["Night, The", "Munch, E."]
    for end in (b"\r", b"\r\n"):
        rows = [b'"sep=;"', b"file;title", b"a.jpg;Night, The, by Munch, E.", b"b.jpg;Day"]
        found = annotate(source(end.join(rows), ["a.jpg", "b.jpg"]))
        assert list(found.table["title"]) == ["Night, The, by Munch, E.", "Day"]


def test_a_mark_after_a_blank_that_nothing_closes_swallows_no_row():
    csv = b'file,title\n1.jpg, "Der Kuss\n2.jpg,b\n3.jpg,c\n'
    found = annotate(source(csv, ["1.jpg", "2.jpg", "3.jpg"]))
    assert list(found.table["title"]) == ['"Der Kuss', "b", "c"] and not found.warnings


def test_rows_between_two_marks_that_nothing_closes_are_told():
    rows = 'file,title\na.jpg,"Night\nb.jpg,Day\nc.jpg,"Noon\nd.jpg,Dusk\n'
    (warning,) = annotate(source(rows.encode(), ["a.jpg", "x/b.jpg", "c.jpg"])).warnings[:1]
    assert 'rows within a cell, such as "b.jpg,Day"' in warning
    lines = 'file,title,subject\na.jpg,"Night\n","a dog\na cat, a boat"\n'
    assert not annotate(source(lines.encode(), ["a.jpg"])).warnings
