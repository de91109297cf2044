"""What an invoice says: a deal, its parties and papers, stated in the forms its locale prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from random import Random

from erniekit_finetuning.invoice.model import Account, Invoice, Kind, Party, Printed, References
from synthetic_invoice_generator.chance import chance, digits, pick
from synthetic_invoice_generator.locale import Locale, Trade
from synthetic_invoice_generator.scenario.amounts import Slip
from synthetic_invoice_generator.scenario.currency_units import exchange_rate
from synthetic_invoice_generator.scenario.deal import Deal, draw_deal
from synthetic_invoice_generator.scenario.forms import Forms, draw_forms
from synthetic_invoice_generator.scenario.identifiers import (
    IBAN_COUNTRIES,
    bic,
    iban,
    invoice_number,
)
from synthetic_invoice_generator.scenario.parties import make_party
from synthetic_invoice_generator.scenario.shown import Shown, draw_shown
from synthetic_invoice_generator.scenario.stating import lines_of, totals_of
from synthetic_invoice_generator.scenario.words import fill, product_code, verbatim
from synthetic_invoice_generator.settings import DocumentType, Shares

_KINDS: dict[DocumentType, Kind] = {
    "credit_note": Kind.CREDIT_NOTE,
    "proforma": Kind.PROFORMA,
    "receipt": Kind.RECEIPT,
}


@dataclass(frozen=True)
class Scene:
    """Everything that one document says, before it is stated as an Invoice.

    `tax_currency` is the seller's own with its exchange rate, where the tax is repeated in it.
    """

    locale: Locale
    forms: Forms
    deal: Deal
    shown: Shown
    number: str
    seller: Party
    buyer: Party
    payment_terms: str | None
    accounts: tuple[Account, ...]
    references: References
    tax_currency: tuple[str, Decimal] | None


def draw_scene(
    rng: Random,
    locale: Locale,
    *,
    forms: Forms | None = None,
    shares: Shares | None = None,
    max_lines: int = 8,
    document: DocumentType = "invoice",
    trade: Trade = "goods",
) -> Scene:
    """A document of `locale` in `forms` (drawn when None) with 1 to `max_lines` lines."""
    forms, shares = forms or draw_forms(rng, locale), shares or Shares()
    deal = draw_deal(
        rng,
        locale,
        forms.currency,
        document=document,
        trade=trade,
        shares=shares,
        max_lines=max_lines,
    )
    return Scene(
        locale=locale,
        forms=forms,
        deal=deal,
        shown=draw_shown(rng, deal, shares),
        number=invoice_number(rng, locale, deal.issued),
        seller=_seller(rng, locale, forms, deal, shares),
        buyer=_buyer(rng, forms, deal),
        payment_terms=_terms(rng, locale, deal, shares),
        accounts=_accounts(rng, locale, deal, shares),
        references=_references(rng, locale, deal, shares),
        tax_currency=_tax_currency(rng, locale, forms, deal, shares),
    )


def invoice_of(scene: Scene, slip: Slip | None = None) -> Invoice:
    """The scene as an Invoice: what the page prints, and its exact values.

    A field that the page does not print is None. Every typed value follows from the printed ones;
    amounts are exact, but for a `slip` in the sums, which every later amount follows.
    """
    deal, shown, forms = scene.deal, scene.shown, scene.forms
    abroad = scene.tax_currency
    totals, breakdown = totals_of(deal, shown, forms, abroad, slip)
    due = deal.issued + timedelta(days=deal.days_to_pay)
    return Invoice(
        kind=_KINDS.get(deal.document, Kind.INVOICE),
        language=scene.locale.language,
        number=verbatim(scene.number),
        issue_date=forms.date(deal.issued),
        due_date=forms.date(due) if shown.due_date else None,
        delivery_date=forms.date(deal.delivered) if shown.delivery_date else None,
        period_start=forms.date(deal.period[0]) if deal.period else None,
        period_end=forms.date(deal.period[1]) if deal.period else None,
        prices_include_tax=deal.terms.include_tax,
        currency=_currency(forms),
        tax_currency=verbatim(abroad[0]) if totals.tax_total_in_tax_currency and abroad else None,
        seller=scene.seller,
        buyer=scene.buyer,
        lines=lines_of(deal, shown, forms),
        tax_breakdown=breakdown,
        totals=totals,
        payment_terms=scene.payment_terms and verbatim(scene.payment_terms),
        accounts=scene.accounts,
        references=scene.references,
    )


def _seller(rng: Random, locale: Locale, forms: Forms, deal: Deal, shares: Shares) -> Party:
    needed = deal.exemption in ("intra_community", "reverse_charge")
    share = 1.0 if needed else locale.vat_id_share["seller"]
    party = make_party(rng, locale, share, forms.vat_spaced)
    return party.model_copy(
        update={
            "tax_number": _registered(rng, locale, locale.tax_numbers, shares),
            "legal_id": _registered(rng, locale, locale.legal_ids, shares),
        }
    )


def _registered(
    rng: Random, locale: Locale, forms: Sequence[str], shares: Shares
) -> Printed[str] | None:
    """A number of the seller's tax office or company register, now and then."""
    if not forms or not chance(rng, shares.registers):
        return None
    return verbatim(fill(rng, locale, pick(rng, forms)))


def _buyer(rng: Random, forms: Forms, deal: Deal) -> Party:
    if deal.document == "receipt" and chance(rng, 0.85):
        return Party()
    locale = deal.buyer_locale
    needed = deal.exemption in ("intra_community", "reverse_charge")
    share = 1.0 if needed else locale.vat_id_share["buyer"]
    abroad = deal.exemption in ("intra_community", "export")
    party = make_party(rng, locale, share, forms.vat_spaced, abroad)
    if chance(rng, 0.96):
        return party
    hidden = dict.fromkeys(("address", "city", "postal_code", "country"))
    return party.model_copy(update=hidden)


def _currency(forms: Forms) -> Printed[str] | None:
    if forms.currency_print is None:
        return None
    return Printed(printed=forms.currency_print, value=forms.currency)


def _terms(rng: Random, locale: Locale, deal: Deal, shares: Shares) -> str | None:
    if deal.document in ("receipt", "credit_note") or not chance(rng, shares.payment_terms):
        return None
    text = pick(rng, locale.terms_now) if chance(rng, 0.15) else pick(rng, locale.terms)
    return text.format(days=deal.days_to_pay)


def _accounts(rng: Random, locale: Locale, deal: Deal, shares: Shares) -> tuple[Account, ...]:
    pays = deal.document not in ("receipt", "credit_note")
    if locale.country not in IBAN_COUNTRIES or not pays or not chance(rng, shares.account):
        return ()
    number, code = iban(rng, locale.country), bic(rng, locale.country)
    return (
        Account(
            iban=Printed(printed=number, value=number.replace(" ", "")),
            bic=verbatim(code) if chance(rng, 0.6) else None,
        ),
    )


def _references(rng: Random, locale: Locale, deal: Deal, shares: Shares) -> References:
    some = shares.references
    order = chance(rng, 0.7 * some)
    contract = deal.trade in ("services", "telecom", "utilities", "construction")
    payment = deal.document not in ("receipt", "credit_note") and chance(rng, 0.2 * some)
    earlier = deal.document == "credit_note" and chance(rng, 0.9)
    before = deal.issued - timedelta(days=30)
    return References(
        order=verbatim(pick(rng, (product_code(rng), digits(rng, 6)))) if order else None,
        contract=verbatim(product_code(rng)) if contract and chance(rng, 0.3 * some) else None,
        payment=verbatim(f"RF{digits(rng, 2)} {digits(rng, 8)}") if payment else None,
        preceding_invoice=verbatim(invoice_number(rng, locale, before)) if earlier else None,
    )


def _tax_currency(
    rng: Random, locale: Locale, forms: Forms, deal: Deal, shares: Shares
) -> tuple[str, Decimal] | None:
    home = next(iter(locale.currencies))
    if forms.currency == home or not deal.taxed or not chance(rng, shares.tax_currency):
        return None
    return home, exchange_rate(rng, forms.currency, home)
