"""Where a stack is."""

from towpath.sdk.extension import ExtensionConfig

__all__ = ["ExtensionConfig"]
