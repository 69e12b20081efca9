"""Why a step failed, in the words of whoever raised the error."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import dagster as dg

from deepart_assets.errors import DeepArtError

_CLASS = re.compile(r"(?:dagster|deepart_assets)(?:\.\w+)*\.(?:Failure|\w*Error): ")
"""What Dagster puts before the message of an error that says all by itself."""


def message_of(error: Any) -> str:
    """Return the message of a `SerializableErrorInfo`, of ours or a `dg.Failure` without its type.

    The type stays before the message of any other error: "OSError: a broken disk".
    """
    message = str(error.message).strip()
    start = _CLASS.match(message)
    return message[start.end() :] if start else message


@contextlib.contextmanager
def as_failure() -> Iterator[None]:
    """Raise a `dg.Failure` in place of a DeepArtError, whose message is meant for the user.

    Dagster shows it without a traceback, and does not retry it.
    """
    try:
        yield
    except DeepArtError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


def was_caused_by(event: dg.DagsterEvent, kind: type[Exception]) -> bool:
    """Return whether an error of just that class led to a failure event."""
    error: Any = event.step_failure_data.error
    while error is not None and error.cls_name != kind.__name__:
        error = error.cause
    return error is not None


def reason_of(event: dg.DagsterEvent) -> str:
    """Return why the step of a failure event failed; "" if somebody stopped it, or nobody knows.

    Dagster wraps what the step raised into errors of its own, whose causes lead to it.
    """
    error: Any = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    if error is None or error.cls_name == "DagsterExecutionInterruptedError":
        return ""
    return message_of(error)
