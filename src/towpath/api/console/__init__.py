"""The console family: sources, destinations, jobs and their tasks, in projects, for people who sign in."""

from towpath.api.console.application import build
from towpath.api.kit.family import Cors, Family

#: Bytes of what describes all streams of a big database.
_LARGE = 64 * 1024 * 1024

family = Family(
    name="console",
    title="Console",
    prefixes=("/login", "/signup", "/auth", "/logout", "/telemetry-id", "/health", "/api/v1"),
    build=build,
    max_body={"/api/v1/project": _LARGE},
    cors=Cors(
        ("GET", "POST", "PUT", "DELETE", "OPTIONS"), ("Origin", "Content-Type", "Accept", "Authorization")
    ),
)
