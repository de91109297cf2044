"""A PDF written by hand: what no program for documents would write."""

from __future__ import annotations

import zlib


def raw_pdf(page: str, content: bytes) -> bytes:
    """One page of these entries, with a compressed content."""
    packed = zlib.compress(content)
    stream = f"<</Filter/FlateDecode/Length {len(packed)}>>stream\n".encode() + packed
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/Contents 4 0 R{page}>>".encode(),
        stream + b"\nendstream",
    ]
    body, offsets = b"%PDF-1.7\n", []
    for number, part in enumerate(parts, start=1):
        offsets.append(len(body))
        body += f"{number} 0 obj".encode() + part + b"endobj\n"
    table = b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    end = b"xref\n0 5\n0000000000 65535 f \n" + table
    end += f"trailer<</Size 5/Root 1 0 R>>\nstartxref\n{len(body)}\n%%EOF".encode()
    return body + end
