"""Durable runs: plan, slices, commit, cancel, schedule, liveness."""
