"""Conversations with models: base, tuned, or both beside each other."""
