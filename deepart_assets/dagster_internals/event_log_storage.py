"""Dagster's event log, fast enough for thousands of paintings a run.

Dagster opens and closes a connection for each event, and there are three events for each painting
and asset. With PostgreSQL each connection is a new server process. With SQLite, closing the last
connection checkpoints the write-ahead log and waits for the disk: 25 to 55 ms an event. Here
connections stay open, and SQLite waits for the disk at checkpoints only. A killed process loses no
event. A machine that loses power may lose the last ones but never corrupts the log, and the next
plan finds what Dagster missed, as the lake records results first
(`storage.materialization_store`). The files have Dagster's own format: either storage reads what
the other wrote.
"""

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DisconnectionError

from deepart_assets.dagster_internals import private_names
from deepart_assets.errors import SettingsError

with private_names():
    from dagster._core.storage.event_log import SqliteEventLogStorage
    from dagster._core.storage.event_log.polling_event_watcher import SqlPollingEventWatcher
    from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
    from dagster._core.storage.sql import create_engine
    from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
    from dagster._serdes import ConfigurableClassData

POOL_RECYCLE_SECONDS = 3600
"""Age at which a connection to a server is replaced."""

MAX_OVERFLOW = 20
"""Connections to a server beside the one that is kept."""

MAX_OPEN_DATABASES = 4
"""SQLite files kept open: the index of all runs, and those of the latest runs."""

EVENT_BATCH_SIZE = 1000
"""Events stored at a time, of those that Dagster logs as one batch."""

PARTITION_EVENTS = {
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.ASSET_OBSERVATION,
}

_optimized: "weakref.WeakSet[dg.DagsterInstance]" = weakref.WeakSet()


def keep_connections(instance: dg.DagsterInstance) -> None:
    """Make an instance keep its connections to a database server for as long as it lives.

    Dagster does the same in its webserver; here statements have no time limit, and connections that
    a restart of the server has closed are replaced.
    """
    _enable_event_batches()
    if instance not in _optimized:
        instance.optimize_for_webserver(
            statement_timeout=0, pool_recycle=POOL_RECYCLE_SECONDS, max_overflow=MAX_OVERFLOW
        )
        for name in ("run_storage", "event_log_storage", "schedule_storage"):
            engine = getattr(own_storage(instance, name), "_engine", None)
            if isinstance(engine, Engine):
                event.listen(engine, "checkout", partial(_ping, engine))
        _optimized.add(instance)


def own_storage(instance: dg.DagsterInstance, name: str = "event_log_storage") -> Any:
    """Return a storage of an instance itself, where one entry `storage` configures all three."""
    storage = getattr(instance, name)
    return getattr(storage._storage, name) if hasattr(storage, "_storage") else storage


def _ping(engine: Engine, connection: Any, record: Any, proxy: Any) -> None:
    """Let the pool replace a connection whose server has closed it.

    An error in the middle of a step would fail it; Dagster repeats only what fails to connect.
    """
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error


def _enable_event_batches() -> None:
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(EVENT_BATCH_SIZE))


class PooledSqliteEventLogStorage(SqliteEventLogStorage):
    """Dagster's SQLite event log with pooled connections.

    `event_log_storage` in `dagster.yaml` names it. Milliseconds an event, in batches of 500 with
    tags on a shared disk of 2 cores: 51 with Dagster's own storage; 9.7 with pooled connections and
    `synchronous = NORMAL` (without the latter, a single event takes 5 ms longer); single events 3
    less as `has_table` remembers; 0.5 as `store_event_batch` opens one transaction for all.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._process = os.getpid()
        self._tables: set[str] = set()
        self._watcher = SqlPollingEventWatcher(self)
        _enable_event_batches()
        super().__init__(base_dir, inst_data)
        # Dagster's lock is not reentrant: a connection opened while another is in use would hang.
        self._db_lock = threading.RLock()  # type: ignore[assignment]

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        """Return the schema of `config` in `dagster.yaml`."""
        return {"base_dir": dg.Field(dg.StringSource, is_required=False)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "PooledSqliteEventLogStorage":
        """Return the storage that `dagster.yaml` configures, by default in Dagster's own folder.

        Raises:
            SettingsError: Neither `base_dir` nor DAGSTER_HOME is set.
        """
        folder, home = config_value.get("base_dir"), os.environ.get("DAGSTER_HOME")
        if not folder and not home:
            raise SettingsError(
                "event_log_storage in dagster.yaml: set DAGSTER_HOME to the folder of that file, or"
                " base_dir to the folder of the event log"
            )
        return cls(folder or str(Path(home or "") / "history" / "runs"), inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).connect() as connection, connection.begin():
            yield connection

    def _engine(self, shard: str) -> Engine:
        if os.getpid() != self._process:  # SQLite connections must not be used after a fork
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
            event.listen(engine, "connect", _sync_at_checkpoints)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
        self._engines.move_to_end(shard)
        while len(self._engines) > MAX_OPEN_DATABASES:
            self._engines.popitem(last=False)[1].dispose()
        return self._engines[shard]

    def has_table(self, table_name: str) -> bool:
        """Return whether a table exists; one that does is not looked up again."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store the partition events of each run in one transaction, other events one by one."""
        by_run: dict[str, list[dg.EventLogEntry]] = {}
        for entry in events:
            if entry.dagster_event_type in PARTITION_EVENTS:
                by_run.setdefault(entry.run_id, []).append(entry)
            else:
                self.store_event(entry)
        for run_id, entries in by_run.items():
            rows = [self._event_to_row(entry) for entry in entries]
            with self.run_connection(run_id) as connection:
                connection.execute(SqlEventLogStorageTable.insert(), rows)
            with self.index_transaction() as connection:
                insert = SqlEventLogStorageTable.insert()
                ids = [connection.execute(insert, row).lastrowid for row in rows]
                self._store_asset_event_tags(connection, entries, ids)
                # The asset's own row keeps the last event of each type.
                last = {
                    (entry.get_dagster_event().asset_key, entry.dagster_event_type): (entry, id_)
                    for entry, id_ in zip(entries, ids, strict=True)
                }
                for entry, id_ in last.values():
                    self._store_asset_event(connection, entry, id_)

    def watch(
        self, run_id: str, cursor: str | None, callback: Callable[[dg.EventLogEntry, str], Any]
    ) -> None:
        """Call back for each new event of a run.

        By polling: the file, which Dagster watches, changes at checkpoints only.
        """
        self._watcher.watch_run(run_id, cursor, callback)

    def end_watch(self, run_id: str, handler: Callable[[dg.EventLogEntry, str], Any]) -> None:
        """Stop calling back."""
        self._watcher.unwatch_run(run_id, handler)

    def wipe(self) -> None:
        """Delete all events."""
        self._close_databases()
        super().wipe()

    def dispose(self) -> None:
        """Stop watching and close the databases, which open again when needed."""
        self._watcher.close()
        self._watcher = SqlPollingEventWatcher(self)
        self._close_databases()

    def _close_databases(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()


def _sync_at_checkpoints(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")
