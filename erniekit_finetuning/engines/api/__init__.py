"""Models behind an OpenAI-compatible HTTP API: a reader like the local ones."""
