"""Pure functions over records: paths, dates, templates, mapping, filters, shaping. No I/O."""
