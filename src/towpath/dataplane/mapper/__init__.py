"""How mappings are compiled: what both mapping languages share.

A mapping becomes one Python function. Its source is made of names and numbers only; texts, paths and
functions of the document stand in it as constants that are handed to it. `unit` writes the source, `scope`
the reading of values, `leaf` what becomes of a single value, `target` the building of nested objects.
"""

from towpath.dataplane.mapper.run import Mapper

__all__ = ["Mapper"]
