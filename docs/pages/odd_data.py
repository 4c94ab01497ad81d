"""The page of odd data: which built-in plugins take them, and in what words the others refuse them."""

import re
from collections.abc import Iterable, Iterator, Sequence

from vimae_bench.plugin.catalog import get_catalog

from .markdown import GENERATED, format_prose, format_table, join_parts
from .odd_data_trials import (
    LARGEST_BATCH,
    LATENT,
    ODD_DATA,
    ODD_SHAPES,
    ODD_SIZES,
    Trial,
    list_objectives,
    list_priors,
    try_architecture,
    try_metric,
    try_objective,
    try_prior,
)

HEAD = """\
What each metric, objective with each divergence, prior and architecture makes of data and sizes that it may not be made
for: a number, or a refusal before anything is trained, at the line of the benchmark file (`run --dry-run` has them
all). ✓: it measures or trains.
A letter: it refuses with the words of this letter below; with ✓, it does so at its default settings and takes the data
with those that the words ask for. Tests try every ✓, but for metrics that take minutes."""
COMMON = """\
Whatever the plugins, these are refused: batches of one image, a single training image, no images of a part, arrays of
other types and shapes than [the layout](../how-to/dataset.md) has, and images of 0 and 1 alone. The message has the
line of NumPy that makes images of arrays."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def make_page() -> str:
    """The page in Markdown."""
    metrics = [entry.name for entry in get_catalog().entries if entry.kind == "metric"]
    architectures = [entry.name for entry in get_catalog().entries if entry.kind == "architecture"]
    numbers = {name: str(i + 1) for i, name in enumerate(ODD_DATA)}
    legend = format_table(("", "data", ""), [(numbers[name], name, odd.description) for name, odd in ODD_DATA.items()])
    columns = [numbers[name] for name in ODD_DATA]
    base = "Parts have 200 and 100 images of 1 x 8 x 8 pixels and five classes, where nothing else is said."
    return join_parts(
        [
            "# Odd data",
            GENERATED,
            HEAD,
            COMMON,
            "## Data",
            base,
            legend,
            "## Metrics",
            *_format_trials("metric", columns, [[try_metric(name, data) for data in ODD_DATA] for name in metrics]),
            "## Objectives and divergences",
            *_format_trials(
                "objective", columns, [[try_objective(title, data) for data in ODD_DATA] for title in list_objectives()]
            ),
            "## Priors",
            f"Codes have {LATENT} latents and batches {LARGEST_BATCH} images, where nothing else is said.",
            *_format_trials(
                "prior",
                [*ODD_SIZES],
                [[try_prior(name, title, size) for size in ODD_SIZES] for name, title in list_priors()],
            ),
            "## Architectures",
            f"Codes have {LATENT} latents and batches {LARGEST_BATCH} images here as well.",
            *_format_trials(
                "architecture",
                [*ODD_SHAPES],
                [[try_architecture(name, shape) for shape in ODD_SHAPES] for name in architectures],
            ),
        ]
    )


def _format_trials(kind: str, columns: Sequence[str], rows: Sequence[Sequence[Trial]]) -> Iterator[str]:
    """The table of one kind of plugin, and the words of refusals, if there are any, by their letters."""
    words = list(dict.fromkeys(_generalize(words) for row in rows for trial in row for words in trial.refusals))
    examples = {_generalize(refusal): refusal for row in reversed(rows) for trial in row for refusal in trial.refusals}
    letters = {general: _name_letter(i) for i, general in enumerate(words)}
    yield format_table(
        (kind, *columns), ((f"`{row[0].plugin}`", *(_format_trial(trial, letters) for trial in row)) for row in rows)
    )
    if letters:
        yield "\n".join(f"- {letter}: {format_prose(examples[general])}" for general, letter in letters.items())


def _format_trial(trial: Trial, letters: dict[str, str]) -> str:
    given: Iterable[str] = dict.fromkeys(letters[_generalize(words)] for words in trial.refusals)
    return " ".join([*given, *(["✓"] if trial.accepted else [])])


def _name_letter(i: int) -> str:
    """A, ..., z, aa, ab and so on."""
    return (LETTERS[i // len(LETTERS) - 1] if i >= len(LETTERS) else "") + LETTERS[i % len(LETTERS)]


def _generalize(words: str) -> str:
    """Words without their numbers: those of other data are the same refusal."""
    return re.sub(r"\d+( to \d+)?", "N", words)
