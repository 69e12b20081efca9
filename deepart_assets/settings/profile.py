"""Reads profiles, and explains what is wrong with one."""

import itertools
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from deepart_assets.errors import SettingsError
from deepart_assets.names import did_you_mean
from deepart_assets.settings.models import Settings
from deepart_assets.settings.places import configs_folder
from deepart_assets.settings.section import deep_merge


def load_settings(profile: str | None = None) -> Settings:
    """Read a profile.

    Args:
        profile: A name in configs/, or the path of a YAML file. None: the environment variable
            `DEEPART_PROFILE`, or else "sample".

    Raises:
        SettingsError: There is no such profile, it is not YAML, or a setting is wrong. The message
            names the file, the key and the remedy.
    """
    file = _profile_file(profile or os.environ.get("DEEPART_PROFILE") or "sample")
    content, files = _content(file)
    return validate_settings({"profile": file.stem, **content}, ", which extends ".join(files))


EXTENDS = "extends"
"""The key that names the profile which this one overrides (deep merge)."""


def _content(file: Path, before: tuple[Path, ...] = ()) -> tuple[dict[str, Any], list[str]]:
    """Return the merged content of a profile, and the files that it comes from."""
    if file in before:
        raise SettingsError(f"{file}: {EXTENDS}: it extends itself through {before[-1]}")
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), _UniqueKeyLoader)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} is not UTF-8: save it as a text in UTF-8") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{file} is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise SettingsError(f"{file} is not a mapping of settings: see configs/sample.yaml")
    base = content.pop(EXTENDS, None)
    if base is None:
        return content, [str(file)]
    if not isinstance(base, str):
        raise SettingsError(f"{file}: {EXTENDS} takes one name or path (found {base!r})")
    try:
        beneath, files = _content(_profile_file(base), (*before, file))
    except SettingsError as error:
        raise SettingsError(f"{file}: {EXTENDS}: {error}") from error
    return deep_merge(beneath, content), [str(file), *files]


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key that is given twice, of which PyYAML would take the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                fault = "a key is a list or a mapping"
                raise yaml.constructor.ConstructorError(None, None, fault, key.start_mark)
            if key.value in keys:
                fault = f"the key {key.value!r} is given twice"
                raise yaml.constructor.ConstructorError(None, None, fault, key.start_mark)
            keys.add(key.value)
        return super().construct_mapping(node, deep)


def _profile_file(name: str) -> Path:
    if name.endswith((".yaml", ".yml")):
        if not Path(name).is_file():
            raise SettingsError(
                f"There is no profile file {name}: check DEEPART_PROFILE or `extends`"
            )
        return Path(name)
    folder = configs_folder()
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in known:
        raise SettingsError(
            f"There is no profile {name!r} in {folder}: name one that is there, or the path of a"
            f" YAML file{_nearest(name, known)}"
        )
    return folder / f"{name}.yaml"


RENAMED = {
    "automation.look_seconds": "automation.poll_interval_seconds",
    "automation.quiet_seconds": "automation.debounce_seconds",
    "automation.gap": "automation.max_partition_gap",
    "automation.batch": "automation.max_partitions_per_run",
}
"""The settings that earlier versions called otherwise: new names by old ones."""


def validate_settings(content: Mapping[str, Any], where: str) -> Settings:
    """Validate settings.

    Args:
        content: Nested plain values.
        where: The file that they come from, for the message.

    Raises:
        SettingsError: One line per error, with the file, the key and the remedy.
    """
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        lines = [f"{where}: {_explain(fault, content)}" for fault in error.errors()]
        raise SettingsError("\n".join(lines)) from error


def _explain(fault: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    location = [str(part) for part in fault["loc"]]
    key = ".".join(_written(location, content))
    if fault["type"] == "extra_forbidden":
        if (renamed := RENAMED.get(key)) is not None:
            return f"{key} is now called {renamed}: rename it"
        beside = sorted(_schema_at(location[:-1]).get("properties", ()))
        return f"unknown key {key!r}{_nearest(location[-1], beside)}"
    if fault["type"] == "missing":
        other = "" if "." in key else ", or extend a profile that has it (`extends: sample`)"
        return f"{key} is missing: add it{other}"
    named = _schema_at(location).get("discriminator", {}).get("propertyName", "kind")
    if fault["type"] == "union_tag_invalid":
        tag, known = str(fault["ctx"]["tag"]), fault["ctx"]["expected_tags"]
        hint = did_you_mean(tag, re.findall(r"\w+", known), 1)
        return f"{key}.{named}: {tag!r} is none of {known}{hint}"
    if fault["type"] in ("union_tag_not_found", "model_attributes_type"):
        return f"{key} has no `{named}`: write {{{named}: …}} (found {fault['input']!r})"
    is_empty = fault["input"] is None
    what = "is empty: give it a value, or remove it"
    return f"{key} {what}" if is_empty else f"{key}: {fault['msg']} (found {fault['input']!r})"


def _written(location: list[str], content: Any) -> list[str]:
    """Return a location without the tags of unions, which are not in the file."""
    keys = []
    for part, after in itertools.pairwise(location):
        if isinstance(content, Mapping) and part in content:
            inner = content[part]
            if after in content and not (isinstance(inner, Mapping) and after in inner):
                continue  # the tag of a union that has the name of a field: `train`
            keys.append(part)
            content = inner
        elif isinstance(content, list | tuple):
            keys.append(part)
            content = content[int(part)]
    return [*keys, location[-1]]


def _nearest(name: str, known: list[str]) -> str:
    others = f"; known here: {', '.join(known)}" if known else ""
    return did_you_mean(name, known, 1) or others


@cache
def _schema() -> dict[str, Any]:
    return Settings.model_json_schema()


def _schema_at(location: list[str]) -> dict[str, Any]:
    """Return the JSON schema of what a location leads to, with the tags of unions as pydantic has.

    {} for what lies in a list.
    """
    whole = here = _schema()
    for part in location:
        tags = here.get("discriminator", {}).get("mapping", {})
        inner = {"$ref": tags[part]} if part in tags else here.get("properties", {}).get(part)
        of_any_key = [*here.get("patternProperties", {}).values(), here.get("additionalProperties")]
        here = inner or next((each for each in of_any_key if isinstance(each, dict)), {})
        # Of a value or null.
        here = next((each for each in here.get("anyOf", ()) if each != {"type": "null"}), here)
        if "$ref" in here:
            here = whole["$defs"][here["$ref"].rpartition("/")[2]]
    return here
