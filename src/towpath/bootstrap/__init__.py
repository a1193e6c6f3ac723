"""Reads the settings and joins the rooms."""
