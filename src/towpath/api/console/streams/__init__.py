"""The streams of a job in this family's words, and in ours: both ways, and what lies between two of them."""

from towpath.api.console.streams.changes import difference
from towpath.api.console.streams.document import parsed
from towpath.api.console.streams.merging import merged, proposal
from towpath.api.console.streams.reading import flow_streams
from towpath.api.console.streams.saying import shown, streams_config_of

__all__ = ["difference", "flow_streams", "merged", "parsed", "proposal", "shown", "streams_config_of"]
