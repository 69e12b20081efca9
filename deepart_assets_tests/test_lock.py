"""constraints.txt pins every package that an install of the project brings."""

import re
import tomllib
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deepart_assets.settings.places import PROJECT

LOCK = (PROJECT / "constraints.txt").read_text()
# venv brings pip and setuptools, which no release of the project needs at run time.
TOOLS = {"pip", "setuptools", "wheel"}


def installed_requirements():
    """The distributions here that the project asks for, with all extras, directly or not."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    left = [Requirement(line) for lines in (project["dependencies"], *extras) for line in lines]
    seen = set()
    while left:
        asked = left.pop()
        name = canonicalize_name(asked.name)
        if (name, *sorted(asked.extras)) in seen:
            continue
        seen.add((name, *sorted(asked.extras)))
        try:
            requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # of an extra that is not installed here
            continue
        yield name
        for line in requires:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or any(
                marker.evaluate({"extra": extra}) for extra in ("", *asked.extras)
            ):
                left.append(requirement)


def test_every_installed_requirement_is_pinned():
    pinned = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", LOCK, re.MULTILINE)}
    needed = set(installed_requirements())
    assert len(needed) > 100
    # PyTorch's builds for CUDA pin their own companions exactly.
    missing = {
        name for name in needed - pinned - TOOLS if not name.startswith(("nvidia-", "cuda-"))
    }
    assert missing - {"triton"} == set()


def test_every_package_is_pinned_once():
    names = [canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", LOCK, re.MULTILINE)]
    assert [name for name in set(names) if names.count(name) > 1] == []
