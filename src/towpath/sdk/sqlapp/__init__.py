"""Databases in the records lane: queries of the user's own that read pages and write single records.

A connector gives a `Dialect`, and has an application.
"""

from towpath.sdk.sqlapp.application import SqlApplication
from towpath.sdk.sqlapp.dialect import Dialect, on_conflict
from towpath.sdk.sqlapp.models import SqlReading, SqlWriting

__all__ = ["Dialect", "SqlApplication", "SqlReading", "SqlWriting", "on_conflict"]
