"""The connection types of this API: their names, what they ask for, and what they are in our words.

All translation between the two stands here. What neither of the two has a word for is nobody's: a setting of
ours that the dialect does not know keeps its own name there, and what is sent and means nothing to us is kept
aside (`Translated.extra`).
"""

from towpath.api.console.dialect.directory import Connectors, Role, find, kind_of, kinds, versions
from towpath.api.console.dialect.kind import Kind, Spec, Translated

__all__ = ["Connectors", "Kind", "Role", "Spec", "Translated", "find", "kind_of", "kinds", "versions"]
