"""SensorHarness of sensors, one after the other, as the daemon takes them but without it."""

import dagster as dg
import pytest

from deepart_assets.dagster_internals.local_runs import repository_origin


class SensorHarness:
    """The sensors of a project with their cursors, and a clock that the test sets."""

    def __init__(self, project, instance, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project, self.instance = project, instance
        self.clock = 1e9
        self.cursors: dict[str, str | None] = {}
        self._monkeypatch = monkeypatch

    def __call__(self, name: str, seconds: float = 0, *, stored: bool = True):
        """Run a tick so many seconds later; `stored` is off if the daemon is killed then."""
        self.clock += seconds
        defs, origin = self.project.defs(), repository_origin()
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursors.get(name),
            definitions=defs,
            resources={"profile": defs.resources["profile"]},
            repository_name=origin.repository_name,
        )
        context._code_location_origin = origin.code_location_origin
        sensor = defs.get_repository_def().get_sensor_def(name)
        with self._monkeypatch.context() as patched:
            patched.setattr("time.time", lambda: self.clock)
            found = sensor.evaluate_tick(context)
        if stored:
            self.cursors[name] = found.cursor
        return found
