"""What a file may hold at most, so that a hostile one does not hurt."""

MAX_BYTES = 50 * 1024 * 1024
MAX_PAGES = 50
MAX_WORDS = 5_000  # of a page; no text model's context here holds more
MAX_PIXELS = 60_000_000  # of a page; an A3 page at 400 dpi has 31 million
