"""Paths on file servers."""

import posixpath


def joined(folder: str, name: str) -> str:
    return posixpath.join(folder, name)


def on_server(path: str, home: str, *, home_is_root: bool) -> str:
    """The path as the server knows it; ``home`` is where the login leads.

    >>> on_server("/in/x.csv", "/home/ada", home_is_root=True)
    '/home/ada/in/x.csv'
    >>> on_server("in", "/home/ada", home_is_root=False), on_server("/in", "/home/ada", home_is_root=False)
    ('/home/ada/in', '/in')
    """
    inside = path.lstrip("/") if home_is_root else path
    return posixpath.normpath(posixpath.join(home, inside))
