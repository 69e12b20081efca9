"""The settings of sensors and schedules."""

from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from deepart_assets.settings.section import Section


class Automation(Section):
    """Sensors and schedules; each can be turned off and on in the UI as well."""

    running: bool = Field(True, description="Whether they run from the start.")
    poll_interval_seconds: int = Field(
        15, ge=1, description="Seconds from one look at the inbox and the masks to the next."
    )
    debounce_seconds: float = Field(
        30,
        ge=0,
        description="A folder in which something changed is taken in once it has been still for so"
        " long: nobody is copying any more.",
    )
    nightly: str = Field("0 2 * * *", description="When what is stale is made again: cron.")
    weekly: str = Field("0 0 * * 0", description="When the sources are read again: cron.")
    time_zone: str = Field("UTC", description="Of both, an IANA name: Europe/Berlin.")
    max_partitions_per_run: int = Field(500, ge=1, description="Most paintings of one run.")
    max_partition_gap: int = Field(
        50,
        ge=0,
        description="Stale paintings with at most so many others between them go into one run:"
        " looking at those costs less than loading the models once more.",
    )
    notify: str = Field(
        "deepart_assets.orchestration.notifications:log",
        pattern=r"^[\w.]+:\w+$",
        description="module:function, called with a `Notification` when a run has ended.",
    )

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:  # unknown; a path; a folder of zones
            raise ValueError("no time zone: give an IANA name, as Europe/Berlin") from error
        return name
