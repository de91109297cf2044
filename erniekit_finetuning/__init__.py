"""Fine-tune an ERNIE model to read your invoices, measure it, and run it."""

__version__ = "0.1.0"
