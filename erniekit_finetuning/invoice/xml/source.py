"""UBL or CII XML to an Invoice; nothing is loaded, expanded or repaired."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.invoice.xml.cii import read_cii
from erniekit_finetuning.invoice.xml.fields import Element, XmlFields
from erniekit_finetuning.invoice.xml.ubl import read_ubl

MAX_BYTES = 50 * 1024 * 1024
_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_READERS: dict[str, Callable[[Element, XmlFields], Invoice]] = {
    f"{{{_UBL}Invoice-2}}Invoice": read_ubl,
    f"{{{_UBL}CreditNote-2}}CreditNote": read_ubl,
    "{urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100}CrossIndustryInvoice": read_cii,
    "{urn:ferd:CrossIndustryDocument:invoice:1p0}CrossIndustryDocument": read_cii,
}


def read_xml(data: bytes) -> Invoice:
    """Read a UBL invoice or credit note, a CII invoice, or a ZUGFeRD 1.0 invoice.

    Raises UnusableInput, with every problem's element and line, for XML that is not well formed
    or has a DOCTYPE (entities are how XML attacks its reader), for another root, and for values
    that are not of their type.
    """
    root = _root(data)
    reader = _READERS.get(str(root.tag))
    if reader is None:
        raise UnusableInput(
            Problem(
                "not an invoice",
                found=f"root {str(root.tag)[:120]}",
                expected="a UBL Invoice or CreditNote, a CII CrossIndustryInvoice",
            )
        )
    fields = XmlFields()
    invoice = reader(root, fields)
    if fields.problems:
        raise UnusableInput(fields.problems)
    return invoice


def _root(data: bytes) -> Element:
    if len(data) > MAX_BYTES:
        raise UnusableInput(
            Problem("the XML is too large", expected=f"at most {MAX_BYTES:,} bytes")
        )
    # Without huge_tree, libxml2 itself bounds depth, text length and what entities grow to.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnusableInput(Problem("not well-formed XML", found=str(error)[:200])) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnusableInput(Problem("a DOCTYPE is not accepted", cure="remove it"))
    return root
