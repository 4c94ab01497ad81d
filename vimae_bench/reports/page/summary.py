"""Words of a page's summary."""

from collections.abc import Sequence

from ..table_format import clean_text


def join_words(words: Sequence[str]) -> str:
    """Such as `a, b and c`."""
    *others, last = map(clean_text, words)
    return f"{', '.join(others)} and {last}" if others else last
