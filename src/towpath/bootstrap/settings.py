"""The settings of one process. The only place that reads the environment.

A setting comes from, in this order: a flag of the command line, the environment, ``towpath.yaml`` in the
home folder, its default. ``docs/reference/settings.md`` is `settings_page` and a test compares the two.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from towpath.bootstrap import parsing
from towpath.core.errors import ConfigError

FILE_NAME = "towpath.yaml"


@dataclass(frozen=True)
class Setting:
    """One row of the table: what it is called everywhere, and how its text becomes a value."""

    name: str
    variable: str
    default: str
    """What users read in the documentation."""
    meaning: str
    parse: Callable[[Any], Any] = str
    secret: bool = False
    """Never a flag (others can read arguments), and taken out of the environment once read."""
    in_file: bool = True


TABLE: tuple[Setting, ...] = (
    Setting(
        "home",
        "TOWPATH_HOME",
        "`~/.towpath`",
        "The folder (mode 0700) for the store, the key and the logs.",
        parsing.path,
        in_file=False,
    ),
    Setting(
        "database_url",
        "TOWPATH_DATABASE_URL",
        "SQLite in the home folder",
        "The store: `postgresql://user:password@host/database` for several machines.",
        secret=True,
    ),
    Setting(
        "master_key",
        "TOWPATH_MASTER_KEY",
        "the key file",
        "The key that seals secrets, as text. Wins over the key file.",
        secret=True,
        in_file=False,
    ),
    Setting(
        "master_key_file",
        "TOWPATH_MASTER_KEY_FILE",
        "`master.key` in the home folder",
        "The file (mode 0600) with the key that seals secrets; made at the first start.",
        parsing.path,
    ),
    Setting(
        "allowed_hosts",
        "TOWPATH_ALLOWED_HOSTS",
        "none",
        "Private hosts and networks that user-supplied URLs may reach, comma-separated.",
        parsing.hosts,
    ),
    Setting(
        "allowed_folders",
        "TOWPATH_ALLOWED_FOLDERS",
        "all",
        "Folders whose files connections may use, comma-separated. Set it where keys are given to others.",
        parsing.folders,
    ),
    Setting("host", "TOWPATH_HOST", "`127.0.0.1`", "The address that the server listens on."),
    Setting(
        "port",
        "TOWPATH_PORT",
        "`8080`",
        "The port that the server listens on; 0 takes a free one.",
        parsing.port,
    ),
    Setting(
        "public_url",
        "TOWPATH_PUBLIC_URL",
        "none",
        "Where the rest of the world reaches this server: `https://towpath.example.com`. Redirects and the "
        "return addresses of OAuth sign-ins are made of it.",
        parsing.url,
    ),
    Setting(
        "require_https",
        "TOWPATH_REQUIRE_HTTPS",
        "`no`",
        "Redirect what comes over plain HTTP to `public_url`, except from this machine itself.",
        parsing.yes,
    ),
    Setting(
        "trusted_proxies",
        "TOWPATH_TRUSTED_PROXIES",
        "none",
        "Addresses and networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, "
        "comma-separated.",
        parsing.networks,
    ),
    Setting(
        "cors_origins",
        "TOWPATH_CORS_ORIGINS",
        "`http://localhost:8000`",
        "Origins whose web pages may call the API, with credentials, comma-separated.",
        parsing.origins,
    ),
    Setting(
        "open_signup",
        "TOWPATH_OPEN_SIGNUP",
        "`no`",
        "Let anybody who reaches the server sign up. Otherwise the first person can, and who is invited.",
        parsing.yes,
    ),
    Setting(
        "max_body",
        "TOWPATH_MAX_BODY",
        "`1048576`",
        "The largest body of a request, in bytes.",
        parsing.positive,
    ),
    Setting(
        "rate_limit",
        "TOWPATH_RATE_LIMIT",
        "`100/second`",
        "How many requests one key may send: `20/second`, `600/minute`, `none`. Fetches of credentials are "
        "not counted.",
        parsing.rate,
    ),
    Setting(
        "failure_limit",
        "TOWPATH_FAILURE_LIMIT",
        "`30/minute`",
        "How often one address, or one key, may be refused before it has to wait; `none` for ever.",
        parsing.rate,
    ),
    Setting(
        "integrator_bucket_size",
        "TOWPATH_INTEGRATOR_BUCKET_SIZE",
        "`100`",
        "How many requests of `/v1` an organization may send at once: the size of its leaky bucket; 0 for no "
        "limit.",
        parsing.count,
    ),
    Setting(
        "integrator_bucket_rate",
        "TOWPATH_INTEGRATOR_BUCKET_RATE",
        "`30`",
        "How many of them the bucket lets go each second, which is what can be sent for ever. `rate_limit` "
        "counts too.",
        parsing.speed,
    ),
    Setting(
        "slots",
        "TOWPATH_SLOTS",
        "number of CPUs",
        "How many slices one process of Towpath runs at once.",
        parsing.positive,
    ),
    Setting(
        "minimum_interval",
        "TOWPATH_MINIMUM_INTERVAL",
        "`60`",
        "The shortest time between two scheduled starts of a flow, in seconds.",
        parsing.seconds,
    ),
    Setting(
        "log_level",
        "TOWPATH_LOG_LEVEL",
        "`info`",
        "`debug`, `info`, `warning` or `error`.",
        parsing.one_of("debug", "info", "warning", "error"),
    ),
    Setting(
        "log_format",
        "TOWPATH_LOG_FORMAT",
        "`text`",
        "`text` or `json` (one object per line), on stderr.",
        parsing.one_of("text", "json"),
    ),
)


@dataclass(frozen=True)
class Settings:
    """What one process of Towpath was told. Secrets are not part of its representation."""

    home: Path
    database_url: str
    master_key: str | None
    master_key_file: Path
    allowed_hosts: tuple[str, ...] = ()
    allowed_folders: tuple[Path, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str | None = None
    require_https: bool = False
    trusted_proxies: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ("http://localhost:8000",)
    open_signup: bool = False
    max_body: int = 1024 * 1024
    rate_limit: str | None = "100/second"
    failure_limit: str | None = "30/minute"
    integrator_bucket_size: int = 100
    integrator_bucket_rate: float = 30
    slots: int = 2
    minimum_interval: float = 60
    log_level: str = "info"
    log_format: str = "text"

    @property
    def embedded(self) -> bool:
        """Whether the store is a file in the home folder, which belongs to one server at a time."""
        return self.database_url.startswith("sqlite")

    def __repr__(self) -> str:
        return f"Settings(home={str(self.home)!r}, embedded={self.embedded})"


def load(flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings; flags that are None do not count. Raises `ConfigError` (``settings.invalid``)."""
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    variables = os.environ if environment is None else environment
    from_environment = {row.name: variables[row.variable] for row in TABLE if variables.get(row.variable)}
    first = from_environment | given
    home = _value("home", first.get("home", "~/.towpath"), "TOWPATH_HOME").absolute()
    chosen = _from_file(home / FILE_NAME) | first
    values = {name: _value(name, value, name) for name, value in chosen.items() if name != "home"}
    settings = Settings(home=home, **_defaults(home) | values)
    if settings.require_https and not (settings.public_url or "").startswith("https://"):
        raise ConfigError(
            "settings.invalid",
            "The setting require_https needs a public_url that begins with https://.",
            hint="Set TOWPATH_PUBLIC_URL, or public_url in towpath.yaml.",
            field="public_url",
        )
    return settings


def _defaults(home: Path) -> dict[str, Any]:
    return {
        "database_url": f"sqlite:///{home / 'towpath.db'}",
        "master_key": None,
        "master_key_file": home / "master.key",
        "slots": os.cpu_count() or 2,
    }


def _value(name: str, value: Any, origin: str) -> Any:
    row = next(row for row in TABLE if row.name == name)
    try:
        return row.parse(value)
    except (TypeError, ValueError) as error:
        reason = str(error)
        raise ConfigError(
            "settings.invalid",
            f"The setting {row.name} is wrong: {reason}.",
            hint=f"Correct {row.variable}, the flag or {FILE_NAME} ({row.meaning})",
            field=origin,
        ) from None


def _from_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    import yaml

    try:
        document = yaml.safe_load(path.read_text()) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(
            "settings.unreadable",
            f"{path} cannot be read: {type(error).__name__}.",
            hint="It must be readable and hold `name: value` lines.",
        ) from None
    known = {row.name for row in TABLE if row.in_file}
    unknown = sorted(set(document) - known) if isinstance(document, dict) else ["(all)"]
    if unknown:
        raise ConfigError(
            "settings.unknown",
            f"{path}: there is no setting {unknown[0]!r}.",
            hint=f"The settings of the file are: {', '.join(sorted(known))}.",
            field=unknown[0],
        )
    return dict(document)


def forget_secrets() -> None:
    """Take secret settings out of the environment, so that no child process inherits them."""
    for row in TABLE:
        if row.secret:
            os.environ.pop(row.variable, None)


def for_children(chosen: Settings) -> dict[str, str]:
    """The environment of child processes: ours without secrets, and with what flags and the file said."""
    secret = {row.variable for row in TABLE if row.secret}
    kept = {name: value for name, value in os.environ.items() if name not in secret}
    return kept | {
        "TOWPATH_HOME": str(chosen.home),
        "TOWPATH_ALLOWED_HOSTS": ",".join(chosen.allowed_hosts),
        "TOWPATH_ALLOWED_FOLDERS": ",".join(map(str, chosen.allowed_folders)),
    }


def variable(name: str) -> str | None:
    """The environment variable that a document names as ``${env:NAME}``."""
    return os.environ.get(name)


def settings_page() -> str:
    """The reference page of all settings, in Markdown."""
    rows = [
        f"| `{row.name}` | `{row.variable}` | {'yes' if row.in_file else 'no'} "
        f"| {row.default} | {row.meaning} |"
        for row in TABLE
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "A setting comes from, in this order: a flag of the command line, the environment, the file",
            f"`{FILE_NAME}` in the home folder, its default.",
            "",
            "| name | environment | in the file | default | meaning |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )
