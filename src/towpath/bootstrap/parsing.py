"""From the text of a setting to its value. Each raises `ValueError` or `TypeError` with what it should be."""

import math
import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_LAST_PORT = 65535


def port(value: Any) -> int:
    port = int(value)
    if not 0 <= port <= _LAST_PORT:
        raise ValueError("a port is a number from 0 to 65535")
    return port


def hosts(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    return tuple(str(item).strip() for item in items if str(item).strip())


def folders(value: Any) -> tuple[Path, ...]:
    return tuple(path(item) for item in hosts(value))


def one_of(*choices: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if str(value).lower() not in choices:
            raise ValueError(f"choose one of {', '.join(choices)}")
        return str(value).lower()

    return parse


def positive(value: Any) -> int:
    if int(value) < 1:
        raise ValueError("a whole number from 1")
    return int(value)


def count(value: Any) -> int:
    if int(value) < 0:
        raise ValueError("a whole number from 0")
    return int(value)


def seconds(value: Any) -> float:
    if float(value) <= 0:
        raise ValueError("a number of seconds above 0")
    return float(value)


def speed(value: Any) -> float:
    if not 0 < float(value) < math.inf:
        raise ValueError("a number above 0")
    return float(value)


def path(value: Any) -> Path:
    return Path(str(value)).expanduser()


_RATE = re.compile(r"[1-9][0-9]{0,6}/(second|minute|hour)")


def rate(value: Any) -> str | None:
    if str(value).lower() == "none":
        return None
    if not _RATE.fullmatch(str(value)):
        raise ValueError("write it like 100/second, 30/minute, 1000/hour or none")
    return str(value)


def yes(value: Any) -> bool:
    words = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    if str(value).lower() not in words:
        raise ValueError("write yes or no")
    return words[str(value).lower()]


def networks(value: Any) -> tuple[str, ...]:
    return tuple(str(ip_network(item)) for item in hosts(value))


def url(value: Any) -> str:
    parts = urlsplit(str(value))
    usable = parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/")
    if not usable or parts.query or parts.fragment or parts.username or parts.port == 0:
        raise ValueError("write it like https://towpath.example.com")
    return f"{parts.scheme}://{parts.netloc}"


def origins(value: Any) -> tuple[str, ...]:
    # Any origin at all, with credentials, would let every web page act for who is signed in.
    return tuple(url(item) for item in hosts(value))
