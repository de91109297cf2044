"""Batch jobs: documents that are read when there is room, each once."""
