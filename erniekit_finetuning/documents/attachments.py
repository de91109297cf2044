"""The invoice XML inside a Factur-X, ZUGFeRD or XRechnung PDF."""

from __future__ import annotations

import pypdfium2 as pdfium

from erniekit_finetuning.errors import Problem, UnusableInput

# Where a PDF carries several for old and new readers, the newest standard comes first.
_NAMES = ("factur-x.xml", "xrechnung.xml", "zugferd-invoice.xml")


def invoice_xml(pdf: bytes) -> bytes:
    """The attached invoice of a PDF, by its standard name, else the only .xml there is.

    Raises UnusableInput for a file that is no readable PDF, and for one without such attachment.
    """
    try:
        document = pdfium.PdfDocument(pdf)
    except pdfium.PdfiumError as error:
        raise UnusableInput(
            Problem("not a readable PDF", found=str(error), cure="is it whole, and not encrypted?")
        ) from error
    try:
        attachments = {
            one.get_name().lower(): one
            for one in map(document.get_attachment, range(document.count_attachments()))
        }
        chosen = [name for name in _NAMES if name in attachments]
        others = [name for name in attachments if name.endswith(".xml")]
        if not chosen and len(others) == 1:
            chosen = others
        if not chosen:
            raise UnusableInput(
                Problem(
                    "no invoice XML is attached to the PDF",
                    found=", ".join(sorted(attachments))[:200] or "no attachment",
                    expected="factur-x.xml, zugferd-invoice.xml or xrechnung.xml",
                    cure="read its pages with `ernie-invoice extract`",
                )
            )
        return bytes(attachments[chosen[0]].get_data())
    except pdfium.PdfiumError as error:
        raise UnusableInput(Problem("the attachment cannot be read", found=str(error))) from error
    finally:
        document.close()
