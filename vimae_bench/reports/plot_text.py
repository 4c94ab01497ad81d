"""The text of figures: one size, measured so that it fits."""

from functools import lru_cache

from .table_format import clean_text

FONT_SIZE = 7.0
"""In points, of all text in figures."""
BOLD_WIDTH = 1.15
"""About how much wider bold text is than other text."""
LINE_HEIGHT = 0.145
"""Inches from one line of text to the next."""
MINUS = "\N{MINUS SIGN}"


@lru_cache(4096)
def measure_text(text: str) -> float:
    """The width of a line of text in inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=FONT_SIZE), ismath=False)
    return width / 72


def wrap_text(text: str, inches: float) -> str:
    """Text broken between words into lines of at most this width, as far as its words allow."""
    lines = [""]
    for word in split_words(text):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and measure_text(longer) > inches:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def split_words(text: str) -> list[str]:
    """The words of a text; a percentage is one word."""
    return [word.replace("\N{NO-BREAK SPACE}", " ") for word in text.replace(" %", "\N{NO-BREAK SPACE}%").split(" ")]


def fit_name(name: str, inches: float) -> str:
    """A name on one line, without its middle if it is wider than this."""
    text = clean_text(name)
    for length in range(len(text), 4, -1):
        half = (length - 1) // 2
        shown = text if length == len(text) else f"{text[: length - 1 - half]}…{text[-half:]}"
        if measure_text(shown) <= inches:
            return shown
    return text[:4]


def format_rounded(value: float, digits: int = 2) -> str:
    """A value of so many significant digits."""
    return format_tick(float(f"{value:.{digits}g}"))


def format_tick(value: float) -> str:
    """A round number, without the error of its last digit."""
    return f"{round(value, 12):g}".replace("-", MINUS)
