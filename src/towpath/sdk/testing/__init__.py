"""Contract suites: what every connector and store must pass, ours and third parties' alike.

Subclass `SourceContract`, `DestinationContract` or `ApplicationContract` in a test module of the connector,
give it the connector, a fixture ``config`` for a fresh and empty place, and the few hooks that reach the
system by another way than the connector itself. What the connector does not declare in ``read_modes`` and
``write_modes`` is skipped; everything else must pass.
"""
