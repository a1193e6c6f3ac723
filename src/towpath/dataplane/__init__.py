"""Pure functions over records and Arrow batches."""
