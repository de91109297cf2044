"""Synthetic invoices with exact ground truth: what is said, how it is drawn, and the data set."""
