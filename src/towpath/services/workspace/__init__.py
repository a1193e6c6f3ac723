"""Sources and destinations of a project."""
