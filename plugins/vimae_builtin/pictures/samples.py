"""What a model generates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vimae_bench.data import to_uint8
from vimae_bench.plugin import Evaluation, ImageTable, Picture, hookimpl

ROWS, COLUMNS = 8, 10


@dataclass(frozen=True)
class Samples(Picture):
    """Eighty draws of the model's own prior, decoded. All runs on a data set share the noise.

    Priors with independent dimensions make their draws from the same uniforms, so an image in one place is what each
    method makes of the same noise.
    """

    def __call__(self, evaluation: Evaluation) -> ImageTable:
        images = to_uint8(evaluation.decode(evaluation.paired_prior_samples(ROWS * COLUMNS, "samples")))
        return ImageTable(
            images.reshape(ROWS, COLUMNS, *images.shape[1:]),
            "Samples: draws of the prior, decoded",
            tuple(f"{COLUMNS * row + 1}-{COLUMNS * (row + 1)}" for row in range(ROWS)),
            ("",) * COLUMNS,
        )


@hookimpl
def vimae_pictures() -> Mapping[str, Callable[..., Picture]]:
    return {"samples": Samples}
