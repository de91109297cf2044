"""Evaluation: predictions first, then matches, then scores, comparison and report."""
