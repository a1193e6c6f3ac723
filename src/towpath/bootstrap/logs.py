"""The process's own log: text or JSON lines on stderr, with secrets blotted out."""

import json
import logging
import re
import sys
import threading
from datetime import UTC, datetime
from typing import TextIO

BLOT = "***"
#: Secrets that cannot be known by value: they come and go inside texts of other programs.
_PATTERNS = (
    re.compile(r"(?<=://)([^/\s:@]+):([^/\s@]+)(?=@)"),
    re.compile(r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(?i)\b(?:password|passwd|secret|token|api[_-]?key)\b\s*[=:]\s*[^\s,;&]+"),
    re.compile(r"\btp_[a-z]+_[A-Za-z0-9_-]{8,}"),
    re.compile(r"(?<=/connect/)[A-Za-z0-9_-]{20,}(?:\.|%2[eE])[A-Za-z0-9_-]+"),
)
#: So many values are known at once: tokens come and go, and each line is searched for all of them.
_MOST_KNOWN = 2000
_known: dict[str, None] = {}
#: No secrets, though they stand beside some, and what the patterns know secrets by.
_WORDS = frozenset(
    {"bearer", "basic", "password", "passwd", "secret", "token", "api_key", "api-key", "apikey"}
)
_lock = threading.Lock()


def remember(secret: str) -> None:
    """Blot this value out of every line from now on, until very many others have been remembered since. Very
    short values would blot out words: left alone.
    """
    if len(secret) < len(BLOT) + 1 or secret.lower() in _WORDS:
        return
    with _lock:
        _known.pop(secret, None)
        _known[secret] = None
        if len(_known) > _MOST_KNOWN:
            del _known[next(iter(_known))]


def redact(text: str) -> str:
    """``text`` without known secrets and without what looks like one."""
    with _lock:
        known = tuple(_known)
    for secret in known:
        text = text.replace(secret, BLOT)
    for pattern in _PATTERNS:
        text = pattern.sub(BLOT, text)
    return text


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        return redact(f"{at:%H:%M:%S} {record.levelname.lower():7} {record.name}: {_message(self, record)}")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            # Redacted before it becomes JSON: escapes would hide a secret from the comparison by value.
            "msg": redact(_message(self, record)),
        }
        return json.dumps(line, ensure_ascii=False)


def _message(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    text = record.getMessage()
    if record.exc_info and record.exc_info[0] is not None:
        text += "\n" + formatter.formatException(record.exc_info)
    return text


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at that moment."""

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, value: TextIO) -> None:
        pass


def configure(level: str, form: str) -> None:
    """Send the whole process's log to stderr, in one form. Repeating it replaces what was set before."""
    handler = _Stderr()
    handler.setFormatter(_Json() if form == "json" else _Text())
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old.formatter, _Json | _Text)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("towpath").setLevel(level.upper())
