"""The editor and the text of the subject in a real browser: what replaces what, and what fails."""

import pytest

from deepart_assets.desk.desk import Desk
from deepart_assets_tests.desk.browser import browsing
from deepart_assets_tests.desk.test_browser import needs_browser, serving, type_into


@pytest.mark.slow
@needs_browser
def test_after_a_failure_of_another_kind_nobody_is_overwritten_unseen(settings, painted, tmp_path):
    with serving(Desk(settings, painted.lake)) as address, browsing(tmp_path) as page:
        page.size(1280, 900)
        page.open(f"{address}/p/a1")
        page.js(
            "{ const fetched = fetch; window.fetch = (where, how) => how?.method == 'PUT' &&"
            " window.broken ? Promise.reject(new TypeError()) : fetched(where, how); }"
        )
        page.click("#correct")
        page.wait("!document.getElementById('editor').hidden")
        theirs = painted.lake.read("subject_masks/a1.png")
        painted.lake.write("masks/a1.png", theirs)
        page.wait("document.getElementById('mask-from').textContent.includes('a curator')")
        page.js("window.broken = true")
        page.click("#save")
        page.wait("document.getElementById('message').textContent.includes('does not answer')")
        page.wait("!document.getElementById('save').disabled")
        page.js("window.broken = false")
        page.click("#save")
        page.wait("document.getElementById('message').textContent.includes('Somebody else')")
        assert painted.lake.read("masks/a1.png") == theirs
        assert not page.js("document.getElementById('editor').hidden")


@pytest.mark.slow
@needs_browser
def test_a_mask_that_cannot_be_fetched_is_not_taken_for_an_empty_one(settings, painted, tmp_path):
    told = "document.getElementById('message').textContent.includes('could not be fetched')"
    with serving(Desk(settings, painted.lake)) as address, browsing(tmp_path) as page:
        page.size(1280, 900)
        page.open(f"{address}/p/a1")
        page.js(
            "{ const fetched = fetch; window.fetch = (where, how) => window.broken &&"
            " where.includes('/mask/') ? Promise.resolve(new Response('', { status: 500 }))"
            " : fetched(where, how); }"
        )
        page.js("window.broken = true")
        page.click("#correct")
        page.wait(told)
        assert page.js("document.getElementById('editor').hidden")
        page.js("window.broken = false")
        page.click("#correct")
        page.wait("!document.getElementById('editor').hidden")
        page.js("window.broken = true; document.getElementById('message').textContent = ''")
        for button in ("#start-over", "#kind-strokes"):
            page.click(button)
            page.wait(told)
            page.wait("!document.getElementById('save').disabled")
            assert page.js("document.getElementById('erase').hidden"), "still a mask"
            page.js("document.getElementById('message').textContent = ''")
        assert not page.errors


@pytest.mark.slow
@needs_browser
def test_a_text_replaces_the_one_that_was_seen(settings, painted, tmp_path, described):
    field = "document.getElementById('text')"

    def enter(text):
        page.js(f"{field}.value = ''")
        type_into(page, "#text", text)
        page.js(f"{field}.dispatchEvent(new Event('change'))")

    with serving(Desk(settings, painted.lake)) as address, browsing(tmp_path) as page:
        page.size(1280, 900)
        page.open(f"{address}/p/a1")
        enter("the vase")
        page.wait("document.getElementById('message').textContent.includes('Saved')")
        assert painted.lake.read("masks/a1.txt") == b"the vase"
        painted.lake.write("masks/a1.txt", b"the flowers")
        page.wait(f"{field}.value == 'the flowers'")  # nobody is typing
        page.js(f"{field}.value = 'the fl'")
        painted.lake.write("masks/a1.txt", b"the table")
        page.wait(
            "(async () => (await import('/static/painting.js')).state.text.own == 'the table')()"
        )
        enter("the cup")
        page.wait("document.getElementById('message').textContent.includes('somebody else')")
        assert painted.lake.read("masks/a1.txt") == b"the table"
        assert page.js(f"{field}.value") == "the cup"
        page.js("document.getElementById('message').textContent = ''")
        enter("the bowl")
        page.wait("document.getElementById('message').textContent.includes('somebody else')")
        assert painted.lake.read("masks/a1.txt") == b"the table"
