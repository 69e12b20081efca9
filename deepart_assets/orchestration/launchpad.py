"""The schema of the launchpad's configuration, from the settings' models down to the last key.

Dagster's launchpad checks names, types and choices by it while somebody types, offers completion,
and shows the descriptions.
"""

import operator
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import dagster as dg
from pydantic import BaseModel
from pydantic.fields import FieldInfo

SCALARS = (bool, int, float, str)

BOUNDS = {
    "gt": "more than {}",
    "ge": "at least {}",
    "lt": "less than {}",
    "le": "at most {}",
    "multiple_of": "a multiple of {}",
}
"""What a description says of a number's bounds, which Dagster's types do not have."""


def config_field(annotation: Any, description: str | None = None, **more: Any) -> dg.Field:
    """Return the field of a type: a model, a union of models, or what their fields have.

    Args:
        annotation: As a field of a settings model is annotated.
        description: Shown in the launchpad; by default the model's docstring.
        more: Passed on to `dg.Field`.
    """
    members = _members(annotation)
    if description is None and len(members) == 1:
        description = getattr(members[0], "__doc__", None) if _is_model(members[0]) else None
    return dg.Field(_type_of(members), description=description, is_required=False, **more)


def _members(annotation: Any) -> list[Any]:
    """Return the members of a union, in which metadata counts for nothing."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _members(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return [inner for member in get_args(annotation) for inner in _members(member)]
    return [annotation]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _type_of(members: Sequence[Any]) -> Any:
    """Return Dagster's type of a union. Where it has none it is Any, and only the check remains."""
    if NoneType in members:
        return dg.Noneable(_type_of([each for each in members if each is not NoneType]))
    some = dict.fromkeys(members)
    if float in some:
        some.pop(int, None)
    models = [each for each in some if _is_model(each)]
    words = [each for each in some if get_origin(each) is Literal]
    types = [_single(each) for each in some if each not in models and each not in words]
    if models:
        types.append(_shape(models))
    if words:
        types.append(_choice([value for each in words for value in get_args(each)]))
    if len(types) == 1:
        return types[0]
    match sorted(types, key=lambda each: each not in SCALARS):
        case [scalar, (dg.Shape() | dg.Permissive() | dg.Array()) as other] if scalar in SCALARS:
            return dg.ScalarUnion(scalar_type=scalar, non_scalar_schema=other)
    return dg.Any


def _single(annotation: Any) -> Any:
    if annotation in SCALARS:
        return annotation
    if annotation is Path:
        return str
    arguments = [each for each in get_args(annotation) if each is not Ellipsis]
    match get_origin(annotation):
        case origin if origin in (list, tuple, set, frozenset):
            return dg.Array(_type_of([one for each in arguments for one in _members(each)]))
        case origin if origin is not None and issubclass(origin, Mapping):
            return dg.Map(str, _type_of(_members(arguments[1])))
    return dg.Any


def _shape(models: Sequence[type[BaseModel]]) -> Any:
    """Return the shape of a model. That of several has the keys of all: `kind` says which count."""
    found: dict[str, list[FieldInfo]] = {}
    for model in models:
        for name, each in model.model_fields.items():
            found.setdefault(name, []).append(each)
    fields = {name: _field_of(infos) for name, infos in found.items()}
    open_ended = any(model.model_config.get("extra") == "allow" for model in models)
    return dg.Permissive(fields) if open_ended else dg.Shape(fields)


def _field_of(infos: Sequence[FieldInfo]) -> dg.Field:
    annotation = reduce(operator.or_, (each.annotation for each in infos))
    texts = dict.fromkeys(text for each in infos if (text := _description(each)))
    return config_field(annotation, "\n".join(texts) or None)


def _description(info: FieldInfo) -> str:
    bounds = ", ".join(_bounds(info))
    return " ".join(filter(None, [info.description, bounds and f"{bounds.capitalize()}."]))


def _bounds(info: FieldInfo) -> Iterator[str]:
    for each in info.metadata:
        for name, words in BOUNDS.items():
            if (value := getattr(each, name, None)) is not None:
                yield words.format(value)


def _choice(values: Sequence[Any]) -> Any:
    if not all(isinstance(value, str) for value in values):
        kinds = {type(value) for value in values}
        return kinds.pop() if len(kinds) == 1 else dg.Any
    some = sorted(set(values))
    name = "_or_".join("".join(c if c.isalnum() else "_" for c in value) for value in some)
    return dg.Enum(name, [dg.EnumValue(value) for value in some])
