"""The console family: sources, destinations, jobs and their tasks, in projects, for people who sign in."""

from towpath.api.console.application import build
from towpath.api.kit.family import Family

family = Family(
    name="console",
    title="Console",
    prefixes=("/login", "/signup", "/auth", "/logout", "/telemetry-id", "/health", "/api/v1"),
    build=build,
)
