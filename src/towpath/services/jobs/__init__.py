"""Jobs of a project, their tasks, and who is told when one fails."""
