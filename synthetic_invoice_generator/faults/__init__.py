"""Errors on purpose, each breaking exactly one rule."""
