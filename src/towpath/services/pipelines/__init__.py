"""The records lane: exports, imports and flows of steps, and their running outside of any flow."""
