"""placeholder"""
from collections.abc import Iterator
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.rules.finding import Outcome
def vat_ids(invoice: Invoice) -> Iterator[Outcome]:
    return iter(())
ibans = bics = gtins = vat_ids
