"""What users write down: YAML documents, applied and exported again."""
