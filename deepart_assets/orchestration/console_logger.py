"""A logger that writes one short line a message to the terminal."""

import logging
import sys
import time
from typing import Any

import dagster as dg

from deepart_assets.orchestration.step_failures import message_of


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        meta = getattr(record, "dagster_meta", {})
        message = meta.get("orig_message") or record.getMessage()
        level = "" if record.levelno == logging.INFO else f"{record.levelname} "
        line = f"{time.strftime('%H:%M:%S')} {level}{message}"
        event = meta.get("dagster_event")
        if event is not None and event.is_step_failure:
            line += f"\n{_reason(event.step_failure_data.error)}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _reason(error: Any) -> str:
    """Return a step's own message where it gave one, else the whole chain of errors."""
    if error is None:
        return ""
    return message_of(error) if error.cls_name == "Failure" else str(error.to_string())


@dg.logger(
    config_schema={"log_level": dg.Field(str, is_required=False, default_value="INFO")},
    description="One short line a message: time, level unless INFO, text.",
)
def console_logger(context: dg.InitLoggerContext) -> logging.Logger:
    """Log to the terminal, one line a message."""
    logger = logging.Logger("deepart", level=context.logger_config["log_level"].upper())
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Line())
    logger.addHandler(handler)
    return logger
