"""Where a path leads on a server."""

import doctest

from towpath.connectors.ftp import paths


def test_paths():
    result = doctest.testmod(paths)
    assert (result.failed, result.attempted) == (0, 2)
