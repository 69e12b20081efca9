"""Dagster's event log, quick enough for thousands of paintings a run.

Belongs here: how events come to the database. Does not belong here: which events there are
(`events`).

Dagster opens and closes a connection for each event, and there are three events for each painting
and asset. In PostgreSQL each connection is a new process of the server. In sqlite, closing the last
connection copies the journal and waits for the disk several times: 40 ms an event on a common
machine. Here connections are kept, and in sqlite events are on the disk when the journal is next
copied. A killed process loses none. A machine that loses its power may lose the last ones, never
the log: results are recorded in the lake before (`storage.store`), and the next plan finds what
Dagster has not heard of. The files are Dagster's, which can read them, and the other way round.
"""

import os
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.polling_event_watcher import SqlPollingEventWatcher
from dagster._core.storage.event_log.schema import AssetKeyTable, SqlEventLogStorageTable
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData
from sqlalchemy import event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import Connection, Engine

from deepart_assets.errors import SettingsError

RECYCLED = 3600
"""Seconds after which a connection to a server is made anew."""

_kept: "weakref.WeakSet[dg.DagsterInstance]" = weakref.WeakSet()


def keep_connections(instance: dg.DagsterInstance) -> None:
    """Let an instance keep its connections to a server for as long as it lives.

    Dagster does so in its webserver. Here there is no time limit on a statement.
    """
    _hand_over_together()
    if instance not in _kept:
        instance.optimize_for_webserver(
            statement_timeout=0, pool_recycle=RECYCLED, max_overflow=MOST_AT_ONCE
        )
        _kept.add(instance)


def _hand_over_together() -> None:
    # Where Dagster looks whether to store at once what it hands over together.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(TOGETHER))


MOST_AT_ONCE = 20
"""Connections to a server beside the one that is kept."""

OF_PAINTINGS = {
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_OBSERVATION,
}

TOGETHER = 1000
"""Events stored at a time, of those that Dagster hands over together."""

KEPT = 4
"""Databases kept open: the index of all runs, and those of the latest runs."""


class SqliteHistory(SqliteEventLogStorage):
    """Named in `dagster.yaml` as `event_log_storage`."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._process = os.getpid()
        self._tables: set[str] = set()
        self._watcher: SqlPollingEventWatcher | None = None
        _hand_over_together()
        super().__init__(base_dir, inst_data)

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        """Return what `dagster.yaml` may say: where the files are, else where Dagster has them."""
        return {"base_dir": dg.Field(dg.StringSource, is_required=False)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "SqliteHistory":
        """Return the storage that `dagster.yaml` asks for.

        Raises:
            SettingsError: Nothing says where the files are.
        """
        place, home = config_value.get("base_dir"), os.environ.get("DAGSTER_HOME")
        if not place and not home:
            raise SettingsError(
                "event_log_storage in dagster.yaml: set DAGSTER_HOME to the folder of that file, or"
                " base_dir to the folder of the event log"
            )
        return cls(place or str(Path(home or "") / "history" / "runs"), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).connect() as connection, connection.begin():
            yield connection

    def _engine(self, shard: str) -> Engine:
        if os.getpid() != self._process:  # sqlite's connections must not be carried over a fork
            for engine in self._engines.values():
                engine.dispose(close=False)
            self._engines.clear()
            self._process = os.getpid()
        if shard not in self._engines:
            self._engines[shard] = engine = create_engine(
                self.conn_string_for_shard(shard),
                pool_size=1,
                connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS},
            )
            event.listen(engine, "connect", _relax)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
        self._engines.move_to_end(shard)
        while len(self._engines) > KEPT:
            self._engines.popitem(last=False)[1].dispose()
        return self._engines[shard]

    def has_table(self, table_name: str) -> bool:
        """Tell whether there is a table; what was there once is not looked for again."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events; those of the paintings of a run all at once, the others one by one."""
        of_run: dict[str, list[EventLogEntry]] = {}
        for each in events:
            if each.dagster_event_type in OF_PAINTINGS:
                of_run.setdefault(each.run_id, []).append(each)
            else:
                self.store_event(each)
        for run_id, theirs in of_run.items():
            rows = [self._event_to_row(each) for each in theirs]
            with self.run_connection(run_id) as connection:
                connection.execute(SqlEventLogStorageTable.insert(), rows)
            with self.index_transaction() as connection:
                one = SqlEventLogStorageTable.insert()
                ids = [connection.execute(one, row).lastrowid for row in rows]
                self._store_asset_event_tags(connection, theirs, ids)
                # Of an asset the last event of each kind counts.
                last = {
                    (each.get_dagster_event().asset_key, each.dagster_event_type): (each, id_)
                    for each, id_ in zip(theirs, ids, strict=True)
                }
                for each, id_ in last.values():
                    self._store_asset_event(connection, each, id_)

    def _has_asset_key_index_cols_on_connection(self, conn: Connection) -> bool:
        return True  # since Dagster 0.14, and asked for each event

    def _store_asset_event(self, conn: Connection, event: EventLogEntry, event_id: int) -> None:
        """Note an asset's last event at once, where Dagster inserts, fails, and updates."""
        if event.dagster_event is None or event.dagster_event.asset_key is None:
            return
        values = self._get_asset_entry_values(event, event_id, has_asset_key_index_cols=True)
        if values:
            key = event.dagster_event.asset_key.to_string()
            row = insert(AssetKeyTable).values(asset_key=key, **values)
            conn.execute(row.on_conflict_do_update([AssetKeyTable.c.asset_key], set_=values))

    def watch(
        self, run_id: str, cursor: str | None, callback: Callable[[EventLogEntry, str], Any]
    ) -> None:
        """Call back for each new event of a run: by asking, as the file changes now and then."""
        if self._watcher is None:
            self._watcher = SqlPollingEventWatcher(self)
        self._watcher.watch_run(run_id, cursor, callback)

    def end_watch(self, run_id: str, handler: Callable[[EventLogEntry, str], Any]) -> None:
        """Call it back no more."""
        if self._watcher is not None:
            self._watcher.unwatch_run(run_id, handler)

    def wipe(self) -> None:
        """Remove all that is in the log."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Stop watching, and close the databases; they are opened again when needed."""
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        self._close()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()


def _relax(connection: Any, _: Any) -> None:
    """Wait for the disk when the journal is copied, not at each event."""
    connection.execute("PRAGMA synchronous = NORMAL")
