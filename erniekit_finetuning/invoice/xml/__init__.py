"""Structured invoices in XML: UBL, CII and ZUGFeRD 1.0, read only."""
