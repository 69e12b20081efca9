"""Installs the project, editable and with its pins, into the environment of this Python.

    .venv/bin/python .ci/install.py sample,dev,docs

uv does it, five times as fast as pip, with the settings of pip that this machine has (mirrors,
certificates); where uv cannot, pip does.
"""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = str(ROOT / "constraints.txt")

SETTINGS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}
"""pip's settings that decide where packages come from, and uv's variables for them."""


def settings_of_pip() -> dict[str, str]:
    """Return pip's settings for `install`: variables win over files, `install` over `global`."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found: dict[str, str] = {}
    for section in ("global.", "install.", ":env:."):
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(section):
                found[name.removeprefix(section)] = str(ast.literal_eval(value))
    return found


def environment_of_uv() -> dict[str, str]:
    """Return uv's variables for what pip would do here; those that are set already stay."""
    pip = settings_of_pip()
    found = {SETTINGS[name]: " ".join(pip[name].split()) for name in SETTINGS if name in pip}
    if found.get("UV_FIND_LINKS"):
        # uv separates them by commas, as paths may hold blanks.
        found["UV_FIND_LINKS"] = found["UV_FIND_LINKS"].replace(" ", ",")
    pins = {"UV_CONSTRAINT": CONSTRAINTS, "UV_BUILD_CONSTRAINT": CONSTRAINTS}
    # As pip: the machine's own certificates count, and the best version of all indexes is taken,
    # not that of the first that has the package.
    own = {"UV_SYSTEM_CERTS": "1", "UV_INDEX_STRATEGY": "unsafe-best-match"}
    return {**own, **pins, **found, **os.environ}


def environment_of_pip() -> dict[str, str]:
    """Return pip's variables for the pins, of what is installed and of what builds it."""
    pins = {"PIP_CONSTRAINT": CONSTRAINTS, "PIP_BUILD_CONSTRAINT": CONSTRAINTS}
    return {**pins, **os.environ}


def find_uv(pip: list[str]) -> str | None:
    """Return the path of uv: one on the PATH, or one that pip installs beside this Python."""
    if (found := shutil.which("uv")) is not None:
        return found
    command = [*pip, "install", "--quiet", "uv"]
    if subprocess.run(command, env=environment_of_pip(), check=False).returncode:
        return None
    return str(Path(sys.executable).with_name("uv"))


def main() -> None:
    """Install the project with the extras of the first argument."""
    project = f"{ROOT}[{sys.argv[1]}]"
    pip = [sys.executable, "-m", "pip"]
    if (uv := find_uv(pip)) is not None:
        command = [uv, "pip", "install", "--python", sys.executable, "--editable", project]
        if not subprocess.run(command, env=environment_of_uv(), check=False).returncode:
            return
        print("uv could not install it, as it says above: pip tries.", file=sys.stderr)
    command = [*pip, "install", "--editable", project]
    sys.exit(subprocess.run(command, env=environment_of_pip(), check=False).returncode)


if __name__ == "__main__":
    main()
