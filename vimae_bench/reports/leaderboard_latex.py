"""Leaderboards as LaTeX tables with booktabs."""

import unicodedata
from collections.abc import Iterator, Sequence

from ..analysis.leaderboard_data import Leaderboard
from .table_format import TableCell, TableLine, clean_text, format_heading, format_lines, format_unit

SIGN_COMMANDS = ("-", r"\leq", r"\geq", r"\approx", r"\neq", r"\to", r"\leftarrow", r"\infty", r"\nabla")
LATEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # at the start of a row, it would be read as an argument of the preceding line break, as would a star
    "*": "{*}",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "±": r"$\pm$",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "§": r"\S{}",
    "★": r"$\star$",
    "–": "--",  # noqa: RUF001
    **{digit: rf"\textsuperscript{{{i}}}" for i, digit in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{digit: rf"\textsubscript{{{i}}}" for i, digit in enumerate("₀₁₂₃₄₅₆₇₈₉")},
    **{sign: f"${name}$" for sign, name in zip("−≤≥≈≠→←∞∇", SIGN_COMMANDS, strict=True)},  # noqa: RUF001
}


def format_leaderboards(leaderboards: Sequence[Leaderboard]) -> str:
    """One `table` environment for each leaderboard. Names are escaped."""
    return "\n".join(
        [
            "% needs \\usepackage{booktabs,graphicx}",
            *(line for leaderboard in leaderboards for line in _format_leaderboard(leaderboard)),
        ]
    )


def escape_latex(text: str) -> str:
    """Text that LaTeX prints as it is, Greek letters included."""
    return "".join(LATEX_ESCAPES.get(c) or _convert_greek(c) for c in clean_text(text))


def _format_leaderboard(leaderboard: Leaderboard) -> Iterator[str]:
    measures = [leaderboard.measures[name] for name in leaderboard.columns]
    yield r"\begin{table}"
    yield r"\centering"
    yield rf"\caption{{{escape_latex(leaderboard.title)}}}"
    yield r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"  # no wider than the page
    yield rf"\begin{{tabular}}{{ll{'r' * len(measures)}}}"
    yield r"\toprule"
    yield _join_cells(["method", "seeds", *(escape_latex(format_heading(m)) for m in measures)])
    yield _join_cells(["", "", *(escape_latex(format_unit(m)) for m in measures)])
    rows = list(format_lines(leaderboard))
    for before, line in zip([None, *rows], rows, strict=False):
        if before is None or before.section != line.section:
            yield r"\midrule"
        yield _join_cells(_format_line(line))
    yield r"\bottomrule"
    yield r"\end{tabular}}"
    yield r"\par\raggedright\footnotesize"
    yield from (rf"\par {escape_latex(note)}" for note in leaderboard.notes)
    yield r"\end{table}"


def _format_line(line: TableLine) -> list[str]:
    return [escape_latex(line.label), escape_latex(line.seeds), *map(_format_cell, line.cells)]


def _format_cell(cell: TableCell) -> str:
    text = rf"${cell.value} \pm {cell.spread}$" if cell.spread else escape_latex(cell.value)
    bold = rf"{{\boldmath{text}}}" if cell.leads else text
    return rf"{bold}\textsuperscript{{{escape_latex(cell.marks)}}}" if cell.marks else bold


def _join_cells(cells: Sequence[str]) -> str:
    return f"{' & '.join(cells)} \\\\"


def _convert_greek(character: str) -> str:
    r"""A Greek letter as mathematics, such as `\beta`, or as the Latin one it looks like; anything else unchanged."""
    words = unicodedata.name(character, "").split()
    if words[:1] != ["GREEK"] or words[2:3] != ["LETTER"] or len(words) != 4:
        return {"ς": r"$\varsigma$"}.get(character, character)
    if latin := LATIN_LOOKALIKES.get(character):
        return latin
    name = words[3].replace("LAMDA", "LAMBDA").lower()
    return rf"$\{name if words[1] == 'SMALL' else name.title()}$"


LATIN_LOOKALIKES = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧο", "ABEZHIKMNOPTXo", strict=True))  # noqa: RUF001
"""Letters without a command of their own, by the Latin ones they look like."""
