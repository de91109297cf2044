"""What invoices of many countries print as dates; each row written from CLDR's conventions."""

from __future__ import annotations

from datetime import date

import pytest
from babel.dates import format_date
from hypothesis import given
from hypothesis import strategies as st

from erniekit_finetuning.invoice.dates import (
    day_order,
    order_by_sequence,
    readings,
    usual_order,
)

# fmt: off
LOCALES = (
    "en_US", "en_GB", "de_DE", "de_CH", "fr_FR", "es_ES", "es_MX", "it_IT", "nl_NL", "pl_PL",
    "pt_PT", "pt_BR", "sv_SE", "da_DK", "nb_NO", "fi_FI", "cs_CZ", "hu_HU", "tr_TR", "en_IN",
    "hi_IN", "zh_CN", "ja_JP", "ko_KR",
)
# fmt: on

# locale | print | readings
READ_ONE_WAY = """
en-US | 04/25/2025 | mdy 2025-04-25
en-US | 4/25/2025 | mdy 2025-04-25
en-US | 12/31/99 | mdy 1999-12-31
en-US | 04/25/68 | mdy 2068-04-25
en-US | 04/25/69 | mdy 1969-04-25
en-US | 02/29/2024 | mdy 2024-02-29
en-US | 05/05/2025 | any 2025-05-05
en-US | 05/05/05 | any 2005-05-05
en-US | April 3, 2025 | mdy 2025-04-03
en-US | April 3rd, 2025 | mdy 2025-04-03
en-US | APRIL 3RD, 2025 | mdy 2025-04-03
en-US | Apr. 3 2025 | mdy 2025-04-03
en-US | Apr 3, 2025 | mdy 2025-04-03
en-US | Apr 3,2025 | mdy 2025-04-03
en-US | Apr-03-2025 | mdy 2025-04-03
en-US | Mar 3 2025 | mdy 2025-03-03
en-US | May 1st 2025 | mdy 2025-05-01
en-US | Sept. 22nd, 2025 | mdy 2025-09-22
en-US | Thursday, April 3, 2025 | mdy 2025-04-03
en-US | Wed, Apr 3, 2024 | mdy 2024-04-03
en-US | Thurs. April 3, 2025 | mdy 2025-04-03
en-US | April 3, 2025 2:22 PM | mdy 2025-04-03
en-US | 04/25/2025 2:22 PM | mdy 2025-04-25
en-US | 04/25/2025, 2:22:05 p.m. | mdy 2025-04-25
en-US | 2025-04-03 | ymd 2025-04-03
en-US | 2025/4/3 | ymd 2025-04-03
en-US | 20250403 | ymd 2025-04-03
en-US | 2025-04-03T10:00:00Z | ymd 2025-04-03
en-US | 2025-04-03T10:00:00.000+02:00 | ymd 2025-04-03
en-US | 2025-04-03+02:00 | ymd 2025-04-03
en-US | 2025-04-03 10:00 | ymd 2025-04-03
en-US | 20250403T10:15:00 | ymd 2025-04-03
en-GB | 25/04/2025 | dmy 2025-04-25
en-GB | 25/04/2025 14:22 | dmy 2025-04-25
en-GB | 3 April 2025 | dmy 2025-04-03
en-GB | 3 Apr 2025 | dmy 2025-04-03
en-GB | 03-Apr-2025 | dmy 2025-04-03
en-GB | 03-APR-25 | dmy 2025-04-03
en-GB | 03/Apr/2025 | dmy 2025-04-03
en-GB | 3 Apr '25 | dmy 2025-04-03
en-GB | 3rd of April, 2025 | dmy 2025-04-03
en-GB | the 3rd of April 2025 | dmy 2025-04-03
en-GB | 21st May 2025 | dmy 2025-05-21
en-GB | 2nd Sept 2025 | dmy 2025-09-02
en-GB | Thursday, 3 April 2025 | dmy 2025-04-03
en-GB | Thu, 3 Apr 2025 | dmy 2025-04-03
en-GB | Thu 3 Apr 2025 at 14:22 | dmy 2025-04-03
en-GB | Thu 25/04/2025 | dmy 2025-04-25
en-IN | 25-04-2025 | dmy 2025-04-25
en-IN | 03-Apr-2025 | dmy 2025-04-03
en-IN | 1-Jan-26 | dmy 2026-01-01
hi-IN | 3 अप्रैल 2025 | dmy 2025-04-03
hi-IN | गुरुवार, 3 अप्रैल 2025 | dmy 2025-04-03
hi-IN | 15 जून 2025 | dmy 2025-06-15
hi-IN | 15 जुल॰ 2025 | dmy 2025-07-15
hi-IN | २५/०४/२०२५ | dmy 2025-04-25
de-DE | 25.04.2025 | dmy 2025-04-25
de-DE | 25. 04. 2025 | dmy 2025-04-25
de-DE | 31.12.1999 | dmy 1999-12-31
de-DE | 25.04.2025 14:22 Uhr | dmy 2025-04-25
de-DE | 3. April 2025 | dmy 2025-04-03
de-DE | 3.April 2025 | dmy 2025-04-03
de-DE | 3. März 2025 | dmy 2025-03-03
de-DE | 3. Marz 2025 | dmy 2025-03-03
de-DE | 3. Maerz 2025 | dmy 2025-03-03
de-DE | 3. Mrz. 2025 | dmy 2025-03-03
de-DE | 1. Dezember 2025 | dmy 2025-12-01
de-DE | Donnerstag, 6. Juli 2023 | dmy 2023-07-06
de-DE | Donnerstag, den 6. Juli 2023 | dmy 2023-07-06
de-DE | Do., 6. Juli 2023 | dmy 2023-07-06
de-DE | Fr, 25.04.2025 | dmy 2025-04-25
de-CH | 25.4.2025 | dmy 2025-04-25
de-CH | 28. Februar 2025 | dmy 2025-02-28
de-AT | 7. Jänner 2025 | dmy 2025-01-07
fr-FR | 25/04/2025 | dmy 2025-04-25
fr-FR | 25/04/2025 à 14h22 | dmy 2025-04-25
fr-FR | 3 avril 2025 | dmy 2025-04-03
fr-FR | 3 avr. 2025 | dmy 2025-04-03
fr-FR | 1er avril 2025 | dmy 2025-04-01
fr-FR | 1ER AVRIL 2025 | dmy 2025-04-01
fr-FR | 1er février 2024 | dmy 2024-02-01
fr-FR | 12 fevrier 2025 | dmy 2025-02-12
fr-FR | 20 aout 2023 | dmy 2023-08-20
fr-FR | dimanche 20 août 2023 | dmy 2023-08-20
fr-FR | le 3 décembre 2025 | dmy 2025-12-03
fr-FR | mar. 4 mars 2025 | dmy 2025-03-04
es-ES | 25/4/25 | any 2025-04-25
es-ES | 3 de abril de 2025 | dmy 2025-04-03
es-ES | 3 de abril del 2025 | dmy 2025-04-03
es-ES | 3 abr 2025 | dmy 2025-04-03
es-ES | jueves, 3 de abril de 2025 | dmy 2025-04-03
es-ES | mar 3 abr 2025 | dmy 2025-04-03
es-ES | 12 sept 2025 | dmy 2025-09-12
es-MX | 15 de diciembre de 2025 | dmy 2025-12-15
es-MX | miercoles, 16 de abril de 2025 | dmy 2025-04-16
it-IT | 25/04/25 14:22 | any 2025-04-25
it-IT | 3 aprile 2025 | dmy 2025-04-03
it-IT | 1° gennaio 2025 | dmy 2025-01-01
it-IT | 1º gennaio 2025 | dmy 2025-01-01
it-IT | giovedì 3 aprile 2025 | dmy 2025-04-03
it-IT | 30 giu 2025 | dmy 2025-06-30
nl-NL | 25-04-2025 | dmy 2025-04-25
nl-NL | 3 april 2025 | dmy 2025-04-03
nl-NL | 3 mrt 2025 | dmy 2025-03-03
nl-NL | donderdag 3 april 2025 | dmy 2025-04-03
nl-NL | 31 mei 2025 | dmy 2025-05-31
pl-PL | 25.04.2025 | dmy 2025-04-25
pl-PL | 3 kwietnia 2025 | dmy 2025-04-03
pl-PL | 3 kwietnia 2025 r. | dmy 2025-04-03
pl-PL | 25.04.2025 r. | dmy 2025-04-25
pl-PL | 3 września 2025 | dmy 2025-09-03
pl-PL | czwartek, 3 kwietnia 2025 | dmy 2025-04-03
pl-PL | 13 paź 2025 | dmy 2025-10-13
pl-PL | 13 pazdziernika 2025 | dmy 2025-10-13
pt-PT | 3 de abril de 2025 | dmy 2025-04-03
pt-PT | quinta-feira, 3 de abril de 2025 | dmy 2025-04-03
pt-PT | 3 de março de 2025 | dmy 2025-03-03
pt-BR | 3 de abr. de 2025 | dmy 2025-04-03
pt-BR | 25/04/2025 às 14:22 | dmy 2025-04-25
pt-BR | 1º de maio de 2025 | dmy 2025-05-01
sv-SE | 2025-04-03 | ymd 2025-04-03
sv-SE | 3 april 2025 | dmy 2025-04-03
sv-SE | den 3 april 2025 | dmy 2025-04-03
sv-SE | torsdag 3 april 2025 | dmy 2025-04-03
sv-SE | 3:e april 2025 | dmy 2025-04-03
da-DK | 25.04.2025 | dmy 2025-04-25
da-DK | 3. apr. 2025 | dmy 2025-04-03
da-DK | torsdag den 3. april 2025 | dmy 2025-04-03
da-DK | d. 3. april 2025 | dmy 2025-04-03
nb-NO | 25.04.2025 kl. 14.22 | dmy 2025-04-25
nb-NO | 17. mai 2025 | dmy 2025-05-17
nb-NO | lørdag 17. mai 2025 | dmy 2025-05-17
fi-FI | 25.4.2025 | dmy 2025-04-25
fi-FI | 3. huhtikuuta 2025 | dmy 2025-04-03
fi-FI | torstaina 3. huhtikuuta 2025 | dmy 2025-04-03
fi-FI | 25.4.2025 klo 14.22 | dmy 2025-04-25
fi-FI | 1. heinakuuta 2025 | dmy 2025-07-01
cs-CZ | 25. 4. 2025 | dmy 2025-04-25
cs-CZ | 3. dubna 2025 | dmy 2025-04-03
cs-CZ | čtvrtek 3. dubna 2025 | dmy 2025-04-03
cs-CZ | dne 3. června 2025 | dmy 2025-06-03
cs-CZ | 3. července 2025 | dmy 2025-07-03
cs-CZ | 3. listopadu 2025 | dmy 2025-11-03
hu-HU | 2025. 04. 03. | ymd 2025-04-03
hu-HU | 2025.04.03. | ymd 2025-04-03
hu-HU | 2025.04.03. 14:22 | ymd 2025-04-03
hu-HU | 2025. április 3. | ymd 2025-04-03
hu-HU | 2025. ápr. 3. | ymd 2025-04-03
hu-HU | 2025. aprilis 3. | ymd 2025-04-03
hu-HU | 2025. április 3., csütörtök | ymd 2025-04-03
tr-TR | 25.04.2025 | dmy 2025-04-25
tr-TR | 3 Nisan 2025 | dmy 2025-04-03
tr-TR | 3 NİSAN 2025 | dmy 2025-04-03
tr-TR | 3 KASIM 2025 | dmy 2025-11-03
tr-TR | 3 Ağustos 2025 | dmy 2025-08-03
tr-TR | 3 Nisan 2025 Perşembe | dmy 2025-04-03
zh-CN | 2025年4月3日 | ymd 2025-04-03
zh-CN | 2025 年 4 月 3 日 | ymd 2025-04-03
zh-CN | 2025年04月03日 | ymd 2025-04-03
zh-CN | 2025年4月3日星期四 | ymd 2025-04-03
zh-CN | 2025/4/3 | ymd 2025-04-03
zh-CN | 2025年4月3日 14:22 | ymd 2025-04-03
ja-JP | 2025/04/03 | ymd 2025-04-03
ja-JP | ２０２５年４月３日 | ymd 2025-04-03
ja-JP | ２０２５／０４／０３ | ymd 2025-04-03
ja-JP | 2025年4月3日(木) | ymd 2025-04-03
ja-JP | 2025年4月3日（木） | ymd 2025-04-03
ja-JP | 2025年4月3日木曜日 | ymd 2025-04-03
ja-JP | 2025/04/03(木) | ymd 2025-04-03
ja-JP | 2025年4月3日 14時22分 | ymd 2025-04-03
ja-JP | 令和7年4月3日 | ymd 2025-04-03
ja-JP | 令和７年４月３日(木) | ymd 2025-04-03
ja-JP | 令和元年5月1日 | ymd 2019-05-01
ja-JP | 平成31年4月1日 | ymd 2019-04-01
ja-JP | 平成元年1月8日 | ymd 1989-01-08
ja-JP | 昭和64年1月7日 | ymd 1989-01-07
ja-JP | R7.4.3 | ymd 2025-04-03
ja-JP | R07/04/03 | ymd 2025-04-03
ja-JP | H31.4.30 | ymd 2019-04-30
ko-KR | 2025. 4. 3. | ymd 2025-04-03
ko-KR | 2025.04.03 | ymd 2025-04-03
ko-KR | 25. 4. 3. | ymd 2025-04-03
ko-KR | 2025년 4월 3일 | ymd 2025-04-03
ko-KR | 2025년 4월 3일 목요일 | ymd 2025-04-03
ko-KR | 2025년 4월 3일 (목) | ymd 2025-04-03
hr-HR | 3. srpnja 2025. | dmy 2025-07-03
hr-HR | 31. listopada 2025. | dmy 2025-10-31
"""

AMBIGUOUS = """
en-US | 4/3/25 | dmy 2025-03-04, mdy 2025-04-03
en-US | 04/03/2025 | dmy 2025-03-04, mdy 2025-04-03
en-US | 04-03-2025 | dmy 2025-03-04, mdy 2025-04-03
en-US | 04/03/25 | dmy 2025-03-04, mdy 2025-04-03, ymd 2004-03-25
en-US | 12/11/10 | dmy 2010-11-12, mdy 2010-12-11, ymd 2012-11-10
en-US | 1/2/2026 | dmy 2026-02-01, mdy 2026-01-02
en-US | 03/04/2025 2:22 PM | dmy 2025-04-03, mdy 2025-03-04
en-US | Thu, 04/03/2025 | dmy 2025-03-04, mdy 2025-04-03
en-GB | 03/04/2025 | dmy 2025-04-03, mdy 2025-03-04
en-GB | 3/4/2025 | dmy 2025-04-03, mdy 2025-03-04
en-GB | 03/04/25 | dmy 2025-04-03, mdy 2025-03-04, ymd 2003-04-25
en-GB | 03 / 04 / 2025 | dmy 2025-04-03, mdy 2025-03-04
en-GB | 31/12/24 | dmy 2024-12-31, ymd 2031-12-24
en-GB | 24/12/31 | dmy 2031-12-24, ymd 2024-12-31
en-IN | 03-04-25 | dmy 2025-04-03, mdy 2025-03-04, ymd 2003-04-25
en-IN | 03-04-2025 | dmy 2025-04-03, mdy 2025-03-04
hi-IN | 3/4/25 | dmy 2025-04-03, mdy 2025-03-04
de-DE | 03.04.2025 | dmy 2025-04-03, mdy 2025-03-04
de-DE | 3.4.2025 | dmy 2025-04-03, mdy 2025-03-04
de-DE | 3.4.25 | dmy 2025-04-03, mdy 2025-03-04
de-DE | 03. 04. 2025 | dmy 2025-04-03, mdy 2025-03-04
de-DE | 03.04.25 | dmy 2025-04-03, mdy 2025-03-04, ymd 2003-04-25
de-DE | 03.04.2025 14:22 | dmy 2025-04-03, mdy 2025-03-04
de-DE | Do, 03.04.2025 | dmy 2025-04-03, mdy 2025-03-04
de-DE | Do 3. 04.25 | dmy 2025-04-03, mdy 2025-03-04
de-CH | 01.02.69 | dmy 1969-02-01, mdy 1969-01-02
de-CH | 01.02.68 | dmy 2068-02-01, mdy 2068-01-02
de-CH | 28.02.25 | dmy 2025-02-28, ymd 2028-02-25
fr-FR | 04/04/25 | dmy 2025-04-04, mdy 2025-04-04, ymd 2004-04-25
fr-FR | le 03/04/2025 | dmy 2025-04-03, mdy 2025-03-04
fr-FR | 03/04/2025 à 9h05 | dmy 2025-04-03, mdy 2025-03-04
es-ES | 9/8/2025 | dmy 2025-08-09, mdy 2025-09-08
es-MX | 09/08/25 | dmy 2025-08-09, mdy 2025-09-08, ymd 2009-08-25
it-IT | 10/11/12 | dmy 2012-11-10, mdy 2012-10-11, ymd 2010-11-12
it-IT | 01/12/2025 | dmy 2025-12-01, mdy 2025-01-12
nl-NL | 03-04-2025 | dmy 2025-04-03, mdy 2025-03-04
nl-NL | 3-4-2025 | dmy 2025-04-03, mdy 2025-03-04
pl-PL | 3.04.2025 | dmy 2025-04-03, mdy 2025-03-04
pl-PL | 03.04.2025 r. | dmy 2025-04-03, mdy 2025-03-04
pl-PL | 3 listopada 2025 | pl 2025-11-03, hr 2025-10-03
pl-PL | 3 lip 2025 | pl 2025-07-03, hr 2025-06-03
cs-CZ | 3. srp 2025 | cs 2025-08-03, hr 2025-07-03
cs-CZ | 3. 4. 2025 | dmy 2025-04-03, mdy 2025-03-04
hr-HR | 3. listopada 2025. | pl 2025-11-03, hr 2025-10-03
pt-BR | 07/08/2025 | dmy 2025-08-07, mdy 2025-07-08
sv-SE | 25-04-03 | dmy 2003-04-25, ymd 2025-04-03
da-DK | 03.04.2025 kl. 14.22 | dmy 2025-04-03, mdy 2025-03-04
nb-NO | 1.12.2025 | dmy 2025-12-01, mdy 2025-01-12
fi-FI | 3.4.2025 klo 9.05 | dmy 2025-04-03, mdy 2025-03-04
tr-TR | 3.04.2025 Perşembe | dmy 2025-04-03, mdy 2025-03-04
hu-HU | 25.04.03. | dmy 2003-04-25, ymd 2025-04-03
ja-JP | 25/04/03 | dmy 2003-04-25, ymd 2025-04-03
ja-JP | ０３／０４／２０２５ | dmy 2025-04-03, mdy 2025-03-04
ko-KR | 05.06.07 | dmy 2007-06-05, mdy 2007-05-06, ymd 2005-06-07
"""

NO_DATES = [
    "",
    " ",
    "soon",
    "April 2025",
    "25 April",
    "04/2025",
    "31.02.2025",
    "29.02.2025",
    "31/04/2025",
    "2025-13-01",
    "2025-02-30",
    "20251301",
    "31. Juni 2025",
    "0/4/2025",
    "00.00.0000",
    "03.04.1899",
    "2200-01-01",
    "03.04.025",
    "003.04.2025",
    "03.04-2025",
    "3 April 5",
    "3 Foober 2025",
    "Foo, 3.4.2025",
    "3 Monday April 2025",
    "3 April 2025 and 4 May 2025",
    "DE89 3704 0044 0532 0130 00",
    "3704 0044",
    "+49 30 1234567",
    "030/123456",
    "0800-12-34",
    "01 23 45 67 89",
    "192.168.10.25",
    "1.234.567",
    "1.234.567,89",
    "12.50",
    "EUR 12.50",
    "€ 03.04.2025",
    "April 12,50",
    "April 12.50",
    "1,234.50",
    "14:22",
    "10:22:30",
    "03.04.2025 29:75",
    "2025年4月",
    "25年4月3日",
    "平成31年5月1日",
    "令和元年4月30日",
    "昭和65年1月1日",
    "R0.4.3",
    "2025-04-03\x00",
    "2025\x07-04-03",
    "03.\n04.\n2025",
    "9" * 20,
    "9" * 50,
    "2025-04-03" + " " * 31,
]


def _rows(table: str) -> list[tuple[str, dict[str, str]]]:
    rows = (line.split(" | ") for line in table.strip().splitlines())
    return [(printed, dict(way.split() for way in ways.split(", "))) for _, printed, ways in rows]


@pytest.mark.parametrize(("printed", "ways"), _rows(READ_ONE_WAY) + _rows(AMBIGUOUS))
def test_every_reading_of_a_printed_date(printed: str, ways: dict[str, str]) -> None:
    found = {order: day.isoformat() for order, day in readings(printed).items()}
    assert found == ways


@pytest.mark.parametrize("printed", NO_DATES)
def test_what_is_no_date_has_no_reading(printed: str) -> None:
    assert readings(printed) == {}


@pytest.mark.parametrize("printed", [text for text, _ in _rows(AMBIGUOUS)])
def test_an_ambiguous_date_has_several_days(printed: str) -> None:
    assert len(set(readings(printed).values())) > 1


@given(
    st.dates(date(1969, 1, 1), date(2068, 12, 31)),
    st.sampled_from(LOCALES),
    st.sampled_from(["short", "medium", "long", "full"]),
)
def test_each_locale_reads_what_it_prints(day: date, locale: str, width: str) -> None:
    printed = format_date(day, width, locale)  # type: ignore[arg-type]
    assert day in readings(printed).values()
    assert day in readings(printed.upper()).values()
    assert day in readings(printed.replace(" ", "\N{NARROW NO-BREAK SPACE}")).values()


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("width", ["short", "medium", "long", "full"])
def test_each_locale_reads_every_month_and_weekday(locale: str, width: str) -> None:
    for month in range(1, 13):
        for number in (1, 8, 9, 10, 11, 12, 13, 28):
            day = date(2025, month, number)
            assert day in readings(format_date(day, width, locale)).values()  # type: ignore[arg-type]


@given(st.text(max_size=60) | st.text("0123456789./-年月日RH TZ:,aprmy\xa0", max_size=40))
def test_no_text_raises(text: str) -> None:
    for order, day in readings(text).items():
        assert order
        assert 1900 <= day.year < 2200
    day_order([text])
    usual_order([text], text)


@pytest.mark.parametrize("text", ["9", " ", "1.", "a", "年", "3 April 2025 "])
def test_a_huge_text_is_no_date(text: str) -> None:
    assert readings(text * (10_000_000 // len(text))) == {}


@pytest.mark.parametrize(
    ("prints", "order"),
    [
        (["25/04/2025", "03/04/2025"], "dmy"),
        (["04/25/2025", "03/04/2025"], "mdy"),
        (["04/25/25"], "mdy"),
        (["25. 4. 3."], "ymd"),
        (["Thu 25/04/2025 14:22"], "dmy"),
        (["25/04/2025", "04/25/2025"], None),  # they disagree
        (["03/04/2025", "05/05/2025"], None),  # several orders fit
        (["25/04/25"], None),  # day first or year first
        (["3 April 2025", "2025-04-03", "2025年4月3日", "R7.4.3"], None),  # says nothing
        (["31.02.2025", "soon", ""], None),
        ([], None),
    ],
)
def test_numeric_dates_decide_the_order_together(prints: list[str], order: str | None) -> None:
    assert day_order(prints) == order


@pytest.mark.parametrize(
    ("currencies", "language", "order"),
    [
        (["EUR"], None, "dmy"),
        (["SEK", "NOK", "DKK"], None, "dmy"),
        (["JPY", "CNY"], None, "ymd"),
        (["HUF"], None, "ymd"),
        (["EUR", "JPY"], None, None),
        (["USD"], None, None),
        (["EUR", "USD"], None, None),
        ([], None, None),
        ([], "de", "dmy"),
        ([], "en-GB", "dmy"),
        ([], "en-US", "mdy"),
        ([], "en_US", "mdy"),
        ([], "sv", "ymd"),
        ([], "ja", "ymd"),
        ([], "zh-Hant-TW", "ymd"),
        ([], "en", None),
        (["EUR"], "en", "dmy"),
        (["JPY"], "en", "ymd"),
        (["USD"], "de", "dmy"),
        (["EUR"], "en-US", "mdy"),  # the language wins
        (["EUR"], "xx-YY", "dmy"),
        ([], "no such tag", None),
        ([], "", None),
        ([], "d" * 1000, None),
    ],
)
def test_language_then_currency_decide_the_usual_order(
    currencies: list[str], language: str | None, order: str | None
) -> None:
    assert usual_order(currencies, language) == order


@pytest.mark.parametrize(
    ("issue", "due", "days", "order"),
    [
        ("01/02/2025", "03/03/2025", {30}, "dmy"),
        ("03/04/2025", "04/03/2025", {30}, "mdy"),
        ("03/04/2025", "04/03/2025", set(), "mdy"),  # the other way round ends before it begins
        ("01/02/2025", "02/03/2025", {14}, None),  # 29 or 32 days: neither is named
        ("01/02/2025", "02/03/2025", {29}, "dmy"),
        ("01/02/2025", "02/03/2025", {29, 32}, None),
        ("2025-02-01", "03/03/2025", {30}, None),  # due on one day: nothing to decide
        ("2025-03-01", "05/04/2025", {35}, "dmy"),
        ("1 February 2025", "03/04/2025", {31}, "mdy"),
        ("1 February 2025", "03/04/2025", {30}, None),  # 61 or 31 days
        ("05/05/2025", "04/06/2025", {30}, "dmy"),
        ("03-04-25", "03-05-25", {1}, "mdy"),
        ("03-04-25", "03-05-25", {30}, None),  # day first and year first
        ("3 lip 2025", "3 sie 2025", {31}, None),  # no order: a name of two months
        ("03/04/2025", "", {30}, None),
        ("", "", {30}, None),
        ("2025-04-03", "2025-05-03", {30}, None),
    ],
)
def test_the_terms_of_payment_decide_the_order(
    issue: str, due: str, days: set[int], order: str | None
) -> None:
    assert order_by_sequence(readings(issue), readings(due), days) == order
