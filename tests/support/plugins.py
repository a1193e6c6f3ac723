"""Installs a package of functions for the time of a test."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: What the functions were called with, by name.
HEARD: dict[str, list[dict[str, object]]] = {}

_HEAD = """
from support.plugins import HEARD

def heard(name, options):
    HEARD.setdefault(name, []).append(options)
"""


@contextmanager
def plugged(folder: Path, source: str, *names: str) -> Iterator[None]:
    """``source`` is a module with functions of these names, which are entry points of the hooks' group."""
    site, module = folder / "site", f"plugged_{abs(hash((str(folder), source)))}"
    info = site / f"{module}-1.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
    lines = "".join(f"{name} = {module}:{name}\n" for name in names)
    (info / "entry_points.txt").write_text(f"[towpath.hooks]\n{lines}")
    (site / f"{module}.py").write_text(_HEAD + source)
    HEARD.clear()
    sys.path.insert(0, str(site))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(site))
        sys.modules.pop(module, None)
        importlib.invalidate_caches()
