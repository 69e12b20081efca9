"""The gallery in the lake: static pages that a browser opens without a server."""

import json
import re
import shutil
import time
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from deepart_assets.desk.export import Gallery, remove_unlisted
from deepart_assets.storage import Lake, MaterializationStore
from deepart_assets_tests.desk.conftest import ten_thousand

LEFT_OUT = [("inbox/<a>.pdf", "is a PDF file", "export it")]


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.nodes, self.pictures, self.links = 0, [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.nodes += 1
        if tag == "img":
            self.pictures.append(values)
        if tag in ("a", "link") and not values["href"].startswith(("#", "data:")):
            self.links.append(values["href"])


def write(lake, left_out=LEFT_OUT, warn=print):
    gallery = Gallery(MaterializationStore(lake), ["telea"], left_out, warn=warn)
    for path, data in gallery.write():
        lake.write(path, data)
    remove_unlisted(MaterializationStore(lake))
    return gallery.version


def pages(lake):
    paths = [*lake.list("gallery", ".html"), *lake.list("gallery/paintings", ".html")]
    return {path: Page(lake.read(path).decode()) for path in paths}


def missing(lake, links=True):
    """What the pages show, and with `links` refer to, and is not there."""
    found = []
    for path, page in pages(lake).items():
        sources = [each["src"] for each in page.pictures] + page.links * links
        for source in sources:
            if source.startswith("data:"):
                continue
            parts = path.split("/")[:-1]
            for part in unquote(source.split("#")[0]).split("/"):
                parts = parts[:-1] if part == ".." else [*parts, part]
            if not lake.exists("/".join(parts)):
                found.append((path, source))
    return found


def test_each_painting_has_a_page_and_a_picture_with_its_size(painted):
    painted.restore("b.2_ö", stages=("mask",))
    write(painted.lake)
    wall = painted.lake.read("gallery/index.html").decode()
    assert "Vase of Flowers" in wall and ">restored<" in wall and ">not finished<" in wall
    assert "&lt;script&gt;alert(1)" in wall and "<script>alert" not in wall
    assert 'href="paintings/b.2_%C3%B6.html"' in wall
    shown = Page(wall).pictures
    assert [(each["width"], each["height"]) for each in shown] == [("160", "200")] * 2
    page = painted.lake.read("gallery/paintings/a1.html").decode()
    assert "Odilon Redon, 1889" in page and 'id="handle"' in page
    assert "../../telea_upscaled/a1.png" in page
    assert "inbox/&lt;a&gt;.pdf" in painted.lake.read("gallery/left_out.html").decode()
    assert missing(painted.lake) == []
    data = painted.lake.read("gallery/paintings.js").decode()
    rows = json.loads(re.search(r"^paintings = (\[.*\])$", data, re.DOTALL | re.MULTILINE)[1])
    assert [row[0] for row in rows] == ["a1", "b.2_ö"]


def test_why_a_painting_is_not_restored(painted):
    painted.record("subject_masks", "b.2_ö", {}, {}, verdict="no subject: draw <one>")
    painted.lake.write("wikiart_paintings/b.2_ö.png", b"damaged")
    told = []
    write(painted.lake, warn=told.append)
    page = painted.lake.read("gallery/paintings/b.2_ö.html").decode()
    assert "no subject: draw &lt;one&gt;" in page and "cannot be shown" in page
    assert "b.2_ö.png" in told[0]
    assert missing(painted.lake) == []


def stamps(lake):
    folders = ("gallery/paintings", "gallery/pictures")
    return {(each, *pair) for each in folders for pair in lake.stamps(each).items()}


def test_only_what_has_changed_is_written_and_the_rest_is_removed(painted):
    first = write(painted.lake)
    before = stamps(painted.lake)
    assert write(painted.lake) == first
    assert stamps(painted.lake) == before

    painted.restore("b.2_ö")
    assert write(painted.lake) != first
    changed = {path for _, path, _ in before ^ stamps(painted.lake)}
    assert "b.2_ö.html" in changed and "a1.html" not in changed

    painted.rows = painted.rows[1:]
    painted.list()
    write(painted.lake)
    assert not painted.lake.exists("gallery/paintings/a1.html")
    versions = {name[:16] for name in painted.lake.stamps("gallery/pictures")}
    assert painted.rows[0]["sha256"][:16] in versions and len(versions) == 3
    assert missing(painted.lake) == []
    painted.lake.remove(painted.lake.list("gallery/pictures")[0])
    write(painted.lake)
    assert missing(painted.lake) == []


def test_no_page_refers_to_a_list_of_nothing(painted):
    write(painted.lake)
    page = painted.lake.read("gallery/paintings/a1.html")
    assert b"left_out.html" in page
    write(painted.lake, left_out=[])
    assert b"left_out.html" not in painted.lake.read("gallery/paintings/a1.html")
    write(painted.lake)
    assert painted.lake.read("gallery/paintings/a1.html") == page


class Crashing(Lake):
    """A lake whose process is killed at a write."""

    left = 0

    def write(self, path, data):
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return super().write(path, data)


def test_a_killed_export_never_leaves_a_page_without_its_pictures(painted, tmp_path):
    write(painted.lake)
    painted.restore("b.2_ö")
    painted.add("c3", title="Another")
    for count in range(100):
        shutil.rmtree(tmp_path / "killed", ignore_errors=True)
        shutil.copytree(painted.lake.url, tmp_path / "killed")
        lake = Crashing(tmp_path / "killed")
        lake.left = count
        try:
            write(lake)
        except KeyboardInterrupt:
            assert missing(lake, links=False) == [], count
        else:
            break
    assert count > 12
    assert missing(lake) == []


@pytest.mark.slow
def test_the_gallery_of_ten_thousand(tmp_path):
    made = ten_thousand(tmp_path)
    begun = time.process_time()
    write(made.lake, warn=lambda _: None)
    first = time.process_time() - begun
    data = made.lake.read("gallery/index.html")
    page = Page(data.decode())
    assert len(data) < 80_000
    assert page.nodes < 1000
    assert len(page.pictures) == 60
    assert all(each["width"] and each["height"] for each in page.pictures)
    assert len(made.lake.list("gallery", ".html")) == -(-10_000 // 60) + 1
    assert len(made.lake.read("gallery/paintings.js")) < 2_000_000
    begun = time.process_time()
    write(made.lake)
    assert time.process_time() - begun < first / 2


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs the chromium browser")
def test_a_browser_searches_and_compares_without_a_server(painted, tmp_path):
    pytest.importorskip("websockets")
    from deepart_assets_tests.desk.browser import browsing

    painted.restore("b.2_ö", stages=("mask",))
    write(painted.lake)
    address = (tmp_path / "lake" / "gallery").as_uri()
    with browsing(tmp_path) as page:
        for width in (390, 1280, 3840):
            for dark in (False, True):
                page.size(width, 900, dark=dark)
                for name in ("index", "left_out", "paintings/a1", "paintings/b.2_ö"):
                    page.open(f"{address}/{name}.html")
                    assert page.js("document.documentElement.scrollWidth <= innerWidth"), name
                    assert page.js(
                        "[...document.images].every((each) => each.loading == 'lazy' ||"
                        " each.naturalWidth > 0)"
                    )
        page.size(1280, 900)
        page.open(f"{address}/index.html")
        for words, found in (("REDON flow", 1), ("edouard", 1), ("realism", 1), ("nobody", 0)):
            page.js("document.querySelector('[name=words]').value = ''")
            page.js("document.querySelector('[name=words]').focus()")
            page.call("Input.insertText", text=words)
            page.wait(f"location.hash.includes({words.split(' ')[0]!r})")
            page.wait(f"document.querySelectorAll('.grid li').length == {found}")
        page.open(f"{address}/index.html#status=restored")
        page.wait("document.querySelectorAll('.grid li').length == 1")
        current = "[...document.querySelectorAll('.statuses [aria-current]')]"
        assert page.js(f"{current}.map((each) => each.ariaCurrent + each.hash)") == [
            "true#status=restored"
        ]
        page.wait("document.querySelector('.grid img').naturalWidth > 0")
        page.js("document.querySelector('.grid a').click()")
        page.wait("location.pathname.endsWith('a1.html') && document.readyState == 'complete'")
        at = page.js(
            "(() => { const b = document.getElementById('frame').getBoundingClientRect();"
            " return [b.x + b.width / 2, b.x + b.width / 4, b.y + b.height / 2]; })()"
        )
        page.drag([(at[0], at[2]), (at[1], at[2])])
        page.wait("document.getElementById('handle').ariaValueNow == '25'")
        page.click("#strip button:nth-child(2)")
        assert page.js("document.getElementById('right-name').textContent") == "unfinished"
        pressed = "dispatchEvent(new KeyboardEvent('keydown', {key: 'n', cancelable: true, %s}))"
        for modifier in ("ctrlKey", "metaKey", "altKey"):
            assert page.js(pressed % f"{modifier}: true"), "the browser's own key"
        assert not page.js(pressed % "")
        page.wait("!location.pathname.endsWith('a1.html')")
        assert not page.errors


def test_facts_of_a_painting_are_named_in_words(painted):
    painted.restore("b.2_ö", stages=("mask",))
    lake = painted.lake
    facts = {"ground of scene_completion": "Leighton, Lucia"}
    gallery = Gallery(MaterializationStore(lake), ["telea"], [], lambda _: facts)
    for path, data in gallery.write():
        lake.write(path, data)
    page = lake.read(lake.list("gallery/paintings", ".html")[0]).decode()
    assert "<dt>ground of scene completion</dt><dd>Leighton, Lucia</dd>" in page
