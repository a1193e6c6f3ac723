"""Words and promises: what everything else is made of. No I/O happens here."""
