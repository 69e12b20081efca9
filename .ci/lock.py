"""Renews the generated part of constraints.txt: every package that the project can install.

The pins above the marker are written by hand, each with its reason; pip resolves the rest.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
MARKER = "# Everything else that gets installed, as `make lock` resolved it. Not edited by hand."


def normalized(name: str) -> str:
    """Return a distribution's name in its normal form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def resolve(pins: str) -> dict[str, str]:
    """Return the versions that pip chooses for the package with all its extras, by normal name.

    Args:
        pins: Constraints in the format of a requirements file.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = ",".join(project["optional-dependencies"])
    with TemporaryDirectory() as folder:
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text(pins, encoding="utf-8")
        report = Path(folder) / "report.json"
        environment = {
            **os.environ,
            "PIP_CONSTRAINT": str(constraints),
            "PIP_BUILD_CONSTRAINT": str(constraints),
        }
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"]
        command += ["--quiet", "--report", str(report), f"{ROOT}[{extras}]"]
        subprocess.run(command, env=environment, check=True)
        installed = json.loads(report.read_text(encoding="utf-8"))["install"]
    found = {
        normalized(each["metadata"]["name"]): each["metadata"]["version"] for each in installed
    }
    found.pop(normalized(project["name"]))
    return found


def main() -> None:
    """Write the pins that are not written by hand below the marker."""
    by_hand = CONSTRAINTS.read_text(encoding="utf-8").partition(MARKER)[0].rstrip()
    names = re.findall(r"^([A-Za-z0-9._-]+)==", by_hand, flags=re.MULTILINE)
    pinned = {normalized(name) for name in names}
    rest = {name: version for name, version in resolve(by_hand).items() if name not in pinned}
    # A local version ("+cpu") names a build, which is the installing machine's choice.
    lines = [f"{name}=={version.partition('+')[0]}" for name, version in sorted(rest.items())]
    CONSTRAINTS.write_text("\n".join([by_hand, "", MARKER, *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
