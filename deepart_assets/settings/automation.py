"""The settings of sensors, schedules and notifications."""

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from deepart_assets.settings.section import Section


class Automation(Section):
    """Sensors and schedules; each can also be switched on and off in the UI."""

    running: bool = Field(True, description="Whether they are on by default.")
    poll_interval_seconds: int = Field(
        4,
        ge=1,
        description="Polling interval of the inbox and the masks, seconds. The daemon ticks every"
        " five seconds at most; with an interval of five it misses every other tick.",
    )
    debounce_seconds: float = Field(
        4,
        ge=0,
        description="How long a folder must be unchanged, so that copying has finished, before it"
        " is read, seconds.",
    )
    nightly: str = Field("0 2 * * *", description="When stale outputs are computed: cron.")
    evaluate: Annotated[float, Field(ge=0)] | str = Field(
        10.0,
        description="When the evaluations are made again, in a run of their own: this many minutes"
        " after the last restoration, so that they never delay one; or at fixed times: cron.",
    )
    weekly: str = Field("0 0 * * 0", description="When the sources are read again: cron.")
    renew_ground_library: str | None = Field(
        None,
        description="When the library of grounds takes in new paintings: cron. Left out: when"
        " somebody starts the job of this name.",
    )
    time_zone: str = Field(
        "UTC", description="Time zone of these, an IANA name such as Europe/Berlin."
    )
    max_partitions_per_run: int = Field(500, ge=1, description="Maximum paintings per run.")
    max_partition_gap: int = Field(
        50,
        ge=0,
        description="Stale paintings with at most this many fresh ones between them share a run:"
        " checking those costs less than loading the models again.",
    )
    notify: str = Field(
        "deepart_assets.orchestration.notifications:log",
        pattern=r"^[\w.]+:\w+$",
        description="module:function, called with a `Notification` when a run ends.",
    )

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:  # unknown; a path; a folder of zones
            raise ValueError("unknown time zone: use an IANA name such as Europe/Berlin") from error
        return name
