"""Models the service runs."""
