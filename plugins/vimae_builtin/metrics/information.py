"""How much codes tell of the labels."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from math import inf
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from vimae_bench.data import choose_places
from vimae_bench.functional import mutual_information_discrete
from vimae_bench.metrics import require_labels
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, ModelSpec, Splits, hookimpl

from ._shared.blocks import estimate_block_error, split_blocks

NEAREST_NEIGHBOUR_LATENTS = 8
JITTER = 1e-10
FOLDS = 3
HIDDEN = 256
BATCH = 200
LEARNING_RATE = 3e-3
EPOCHS, PATIENCE = 100, 5
LEAST_IMAGES = 50
LEAST_BLOCK, BLOCK_FOR_CLASS = 100, 10
NEARLY_ALL = 0.97


@dataclass(frozen=True)
class Information(Metric):
    """I(Y; Z) in nats between the labels of test images and one draw of q(z|x) for each: at most the entropy H(Y).

    `label information` is the estimate of Ross (PLoS ONE 9(2), 2014) from the distances to `neighbours`-th neighbours,
    for up to 8 latents. Its standard error is that of fresh test images, from the spread over 5 to 20 random blocks of
    at least 100 images and 10 of a class; there is none for fewer images, nor above 97 % of H(Y), where the estimate
    cannot grow any more.

    `label information bound` is H(Y) less the cross-entropy of a classifier on images that it was not trained on: a
    lower bound in any number of dimensions (Barber and Agakov, 2003), H(Y) being the entropy of the labels that there
    are. The classifier is a perceptron with a hidden layer of 256 units, cross-fitted on three thirds of the images. It
    starts from the shares of the labels and is stopped where a tenth of what it learns from says so; if that tenth does
    not show it to be better than the shares, by a standard error, it stays there, so that the bound of codes that tell
    nothing is 0. It has no standard error, as nothing tells how far training on other images would have come.

    Codes are scaled to unit variance in each dimension, which changes no information; equal codes are told apart by a
    noise of 1e-10, on whose size the estimate does not depend. Both are of `images` test images, a random choice that
    depends on the data set alone.
    """

    version: ClassVar[int] = 2
    changes: ClassVar[tuple[str, ...]] = (
        "the bound is 0 where nothing is learned, and has no error; the other error allows for shared neighbours",
    )
    estimator: ClassVar[str] = (
        "nearest neighbours within a label and among all (Ross 2014); H(Y) less held-out cross-entropy"
    )
    bias: ClassVar[str] = (
        "label information: some hundredths of a nat of either sign; label information bound: downwards, by how far "
        "the classifier is from the truth"
    )
    source: ClassVar[str] = "Ross, PLoS ONE 9(2), e87357, 2014; Barber and Agakov, NIPS 2003"
    use_for: ClassVar[str] = "what codes know of the labels, whatever the classifier"

    neighbours: Annotated[int, Ge(1)] = 3
    images: Annotated[int, Ge(LEAST_IMAGES)] = 10_000

    def check(self, splits: Splits, spec: ModelSpec) -> None:  # noqa: ARG002
        require_labels(splits.test, "test")
        if (n := len(splits.test)) < LEAST_IMAGES:
            raise ValueError(f"information: too few test images, {n}; it takes {LEAST_IMAGES} or more")

    def cost(self, spec: ModelSpec, device: str) -> float:  # noqa: ARG002
        return 7.0

    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure(
                "label information",
                "nats",
                "higher",
                topic="Information",
                display_name="Label information",
                description="Mutual information of the labels of test images and their codes, by nearest neighbours.",
            ),
            Measure(
                "label information bound",
                "nats",
                "higher",
                topic="Information",
                display_name="Label information (bound)",
                description="Lower bound on the mutual information of labels and codes, by a classifier.",
            ),
        )

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        if (labels := evaluation.examples("test").y) is None:
            return {}
        chosen = torch.from_numpy(choose_places(len(labels), self.images, "information", evaluation.dataset))
        z = standardize(evaluation.posterior_samples("test").cpu()[chosen].double())
        y = torch.unique(torch.from_numpy(labels)[chosen], return_inverse=True)[1]
        bound = evaluation.with_seed(lambda: bound_terms(z, y), "information")
        estimates = {"label information bound": Estimate(float(bound.mean()), len(y))}
        if z.shape[1] <= NEAREST_NEIGHBOUR_LATENTS:
            # Equal codes have no distances between them.
            noise = evaluation.with_seed(lambda: JITTER * torch.randn_like(z), "information", "jitter")
            estimates["label information"] = estimate_information(z + noise, y, self.neighbours)
        return estimates


def estimate_information(z: Tensor, y: Tensor, neighbours: int) -> Estimate:
    """I(y; z) of codes z [n, d] in random order with labels y, 0, 1 ..., and its standard error where it is known."""
    value = float(mutual_information_discrete(z, y, neighbours).mean())
    shares = torch.bincount(y).double() / len(y)
    if value > NEARLY_ALL * float(torch.special.entr(shares).sum()):
        return Estimate(value, len(y))
    blocks = split_blocks(len(y), max(LEAST_BLOCK, BLOCK_FOR_CLASS * len(shares)))
    spread = [mutual_information_discrete(z[block], y[block], neighbours) for block in blocks]
    return Estimate(value, len(y), estimate_block_error(spread))


def standardize(z: Tensor) -> Tensor:
    """Codes [n, d] with mean 0 and variance 1 in each dimension; a dimension that does not vary is left at 0."""
    std = z.std(0)
    return (z - z.mean(0)) / torch.where(std > 0, std, 1)


def bound_terms(z: Tensor, y: Tensor) -> Tensor:
    """Values [n] whose mean is H(y) less the held-out cross-entropy of a classifier of codes z [n, d], y being 0, 1 ...

    Drawn from torch's global generator: the thirds, and the classifier's weights and batches.
    """
    log_shares = (torch.bincount(y).double() / len(y)).log()
    # What was computed without gradients cannot be learned from; a clone can.
    codes, terms = z.float().clone(), torch.zeros(len(y), dtype=torch.float64)
    for fold in torch.randperm(len(y)).tensor_split(FOLDS):
        kept = torch.ones(len(y), dtype=torch.bool)
        kept[fold] = False
        net = fit_classifier(codes[kept], y[kept], log_shares)
        if net is not None:
            with torch.no_grad():
                held_out = -cross_entropy(net(codes[fold]), y[fold], reduction="none").double()
            terms[fold] = held_out - log_shares[y[fold]]
    return terms


def fit_classifier(z: Tensor, y: Tensor, log_shares: Tensor) -> Callable[[Tensor], Tensor] | None:
    """A classifier of codes [n, d], as it is when its cross-entropy on a tenth that is held out is least.

    None if there it is better than the shares of the labels by no more than a standard error.
    """
    net = nn.Sequential(nn.Linear(z.shape[1], HIDDEN), nn.ReLU(), last := nn.Linear(HIDDEN, len(log_shares)))
    with torch.no_grad():  # begins at the shares of the labels
        last.weight.zero_()
        last.bias.copy_(log_shares)
    stop, learn = torch.randperm(len(y)).split([len(y) // 10, len(y) - len(y) // 10])
    best, kept, since = -inf, deepcopy(net), 0
    gain = torch.zeros(len(stop))
    for _ in _train_epochs(net, z[learn], y[learn]):
        with torch.no_grad():
            gained = -cross_entropy(net(z[stop]), y[stop], reduction="none") - log_shares[y[stop]]
        if float(gained.mean()) > best:
            best, kept, since, gain = float(gained.mean()), deepcopy(net), 0, gained
        else:
            since += 1
        if since == PATIENCE:
            break
    return kept if float(gain.mean()) > float(gain.std()) / len(gain) ** 0.5 else None


def _train_epochs(net: nn.Module, z: Tensor, y: Tensor) -> Iterator[None]:
    """Trains, and yields before the first and after every epoch."""
    adam = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
    for _ in range(EPOCHS):
        yield
        for some in torch.randperm(len(y)).split(BATCH):
            adam.zero_grad()
            cross_entropy(net(z[some]), y[some]).backward()
            adam.step()


@hookimpl
def vimae_metrics() -> Mapping[str, Callable[..., Metric]]:
    return {"information": Information}
