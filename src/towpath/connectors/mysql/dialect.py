"""Which server it is, and what differs between MySQL and MariaDB for those who write."""

import re
from dataclasses import dataclass

from towpath.connectors.mysql.connection import Connection, execute

_UUID = (10, 7)
_INET6 = (10, 5)
_INET4 = (10, 10)
_NO_PAD = (8, 0, 17)


@dataclass(frozen=True)
class Dialect:
    """One server, as a session of ours finds it."""

    mariadb: bool
    version: tuple[int, ...]
    folds: bool
    """Names of tables are the same in upper and lower case."""
    packet: int
    """Bytes that a statement may have."""
    takes_files: bool
    """LOAD DATA LOCAL is allowed."""

    @classmethod
    def of(cls, connection: Connection) -> "Dialect":
        version, folds, packet, local = execute(
            connection,
            "SELECT VERSION(), @@lower_case_table_names, @@SESSION.max_allowed_packet, @@GLOBAL.local_infile",
        )[0]
        return cls(*told(version), folds=int(folds) > 0, packet=int(packet), takes_files=int(local) > 0)

    @property
    def native_types(self) -> frozenset[str]:
        """Names of types that only some servers have."""
        known = {"uuid": _UUID, "inet6": _INET6, "inet4": _INET4}
        return frozenset(name for name, since in known.items() if self.mariadb and self.version >= since)

    @property
    def exact_json(self) -> bool:
        """JSON is kept as the text that it came as; MySQL's own type rounds long numbers."""
        return self.mariadb

    @property
    def key_collation(self) -> str:
        """The collation in which the fewest texts are equal."""
        if self.mariadb:
            return "utf8mb4_nopad_bin"
        return "utf8mb4_0900_bin" if self.version >= _NO_PAD else "utf8mb4_bin"


def told(version: str) -> tuple[bool, tuple[int, ...]]:
    """Whether it is MariaDB, and the numbers, of what ``VERSION()`` says.

    >>> told("10.11.6-MariaDB-1"), told("5.5.5-10.6.2-MariaDB"), told("8.0.36")
    ((True, (10, 11, 6)), (True, (10, 6, 2)), (False, (8, 0, 36)))
    """
    mariadb = "mariadb" in version.lower()
    plain = version.removeprefix("5.5.5-") if mariadb else version
    return mariadb, tuple(map(int, re.findall(r"\d+", plain)[:3]))


def pads(collation: str) -> bool:
    """Whether texts that differ in trailing spaces only are equal in it."""
    return bool(collation) and "nopad" not in collation and "_0900_" not in collation


def is_exact(collation: str) -> bool:
    """Whether texts that differ in more than trailing spaces are different in it."""
    return collation.endswith("_bin") or collation in ("", "binary")
