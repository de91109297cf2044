"""Scans and photographs of drawn pages, with the boxes of their words moved along."""
