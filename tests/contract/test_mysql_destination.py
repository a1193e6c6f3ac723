"""The destination contract against a real MariaDB: loading files, and by statements where it refuses them."""

import datetime as dt
import itertools
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from pymysql.cursors import DictCursor

from support.mariadb import MariaDB
from towpath.connectors.mysql import connector
from towpath.connectors.mysql.config import MySQLConfig
from towpath.connectors.mysql.query import name as quoted
from towpath.sdk import Connector, Target
from towpath.sdk.testing.destinations import DestinationContract

pytestmark = pytest.mark.service("mysql")

_numbers = itertools.count()
_MIDNIGHT = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - a time of day has no zone


class TestMySQLDestination(DestinationContract):
    connector: ClassVar[Connector[Any]] = connector
    files: ClassVar[bool] = True

    @pytest.fixture
    def config(self, mariadb: MariaDB) -> Iterator[MySQLConfig]:
        self.server = mariadb
        with (
            mariadb.database(f"destination_{next(_numbers)}") as database,
            closing(mariadb.connect()) as root,
        ):
            root.cursor().execute("SET GLOBAL local_infile = %s", [int(self.files)])
            yield MySQLConfig(host=mariadb.host, port=mariadb.port, database=database, username="root")
            root.cursor().execute("SET GLOBAL local_infile = 1")

    def query(self, config: Any, sql: str) -> list[dict[str, Any]]:
        with closing(self.server.connect(config.database)) as root, root.cursor(DictCursor) as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def read_back(self, config: Any, target: Target) -> list[dict[str, Any]] | None:
        known = (
            "SELECT COLUMN_NAME AS n, COLUMN_TYPE AS t FROM information_schema.COLUMNS"
            " WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION"
        )
        with closing(self.server.connect(config.database)) as root, root.cursor(DictCursor) as cursor:
            cursor.execute(known, [target.namespace or config.database, target.name])
            columns = cursor.fetchall()
            if not columns:
                return None
            # The server rounds floats when it writes them out.
            parts = [
                f"{quoted(one['n'])} * 1e0 AS {quoted(one['n'])}" if one["t"] == "float" else quoted(one["n"])
                for one in columns
            ]
            cursor.execute(f"SELECT {', '.join(parts)} FROM {quoted(target.name)}")
            return list(cursor.fetchall())

    def expected(self, kind: pa.DataType, value: Any) -> Any:
        if isinstance(value, bool):
            return int(value)
        if isinstance(value, dt.time):
            return dt.datetime.combine(_MIDNIGHT, value) - _MIDNIGHT
        if isinstance(value, dt.datetime):
            return value.replace(tzinfo=None)
        if isinstance(kind, pa.UuidType):
            return str(value)
        if isinstance(value, list | dict):
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return value

    def leftovers(self, config: Any) -> list[str]:
        rows = self.query(config, "SHOW TABLES LIKE '\\_towpath\\_%'")
        return [name for row in rows for name in row.values() if name != "_towpath_checkpoints"]


class TestMySQLDestinationWithoutFiles(TestMySQLDestination):
    files: ClassVar[bool] = False
