"""Fine-tune an ERNIE model to read your invoices, measure it, and run it."""

from erniekit_finetuning.processor import tell_libraries

__version__ = "0.1.0"

tell_libraries()  # before anything imports numpy
