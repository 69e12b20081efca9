"""Shows the README and the shipped models' card on the site, and mends links between the two."""

import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "README.md": "index.md",
    "data/models/README.md": "shipped_models.md",
    "data/sample/CREDITS.md": "credits.md",
    "data/grounds/cc0/CREDITS.md": "grounds.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""The checkout's files that are pages of the site, with the names that they have on it."""

LINK = re.compile(r"(\]\()(?![a-z]+:)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside docs/."""
    for source, name in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links at the pages of the site: those of README at docs/, those of docs/ at README."""
    sources = {name: source for source, name in PAGES.items()}
    here = PurePosixPath(sources.get(page.file.src_uri, f"docs/{page.file.src_uri}")).parent

    def on_site(found: re.Match[str]) -> str:
        target = (ROOT / here / found[2]).resolve()
        if not target.is_relative_to(ROOT):
            return found[0]
        path = target.relative_to(ROOT).as_posix()
        name = PAGES.get(path, path.removeprefix("docs/"))
        if path not in PAGES and not path.startswith("docs/"):
            return found[0]
        depth = page.file.src_uri.count("/")
        return f"{found[1]}{'../' * depth}{name}"

    return LINK.sub(on_site, markdown)
