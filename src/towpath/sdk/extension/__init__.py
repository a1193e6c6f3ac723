"""Functions of users' own on an extension server: called over the network, in the middle of a run.

::

    with Extension(config) as stack:
        mapped = stack.call("hook", "preMap", {"data": [{"id": 1}]})
"""

from towpath.sdk.extension.client import MOST_ANSWER, Extension
from towpath.sdk.extension.config import ExtensionConfig, LambdaConfig, ServerConfig
from towpath.sdk.extension.options import published, step_options

__all__ = [
    "MOST_ANSWER",
    "Extension",
    "ExtensionConfig",
    "LambdaConfig",
    "ServerConfig",
    "published",
    "step_options",
]
