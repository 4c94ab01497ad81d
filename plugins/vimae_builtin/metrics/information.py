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

from vimae_bench.functional import estimate_mean, mutual_information_discrete
from vimae_bench.plugin import Estimate, Evaluation, Measure, Metric, ModelSpec, Splits, derive_seed, hookimpl

NEAREST_NEIGHBOUR_LATENTS = 8
JITTER = 1e-10
FOLDS = 3
HIDDEN = 256
BATCH = 200
LEARNING_RATE = 3e-3
EPOCHS, PATIENCE = 100, 5


@dataclass(frozen=True)
class Information(Metric):
    """I(Y; Z) in nats between the labels of test images and one draw of q(z|x) for each: at most the entropy H(Y).

    `label information` is the estimate of Ross (PLoS ONE 9(2), 2014) from the distances to `neighbours`-th neighbours,
    for up to 8 latents. `label information bound` is H(Y) less the cross-entropy of a classifier on images that it was
    not trained on: a lower bound in any number of dimensions (Barber and Agakov, 2003). The classifier is a perceptron
    with a hidden layer of 256 units, cross-fitted on three thirds of the images and stopped where a tenth of what it
    learns from says so; for codes that tell nothing it stays at H(Y), and the bound is 0 up to its error.

    Codes are scaled to unit variance in each dimension, which changes no information. Both are of `images` test images,
    a choice that depends on the data set alone.
    """

    estimator: ClassVar[str] = (
        "nearest neighbours within a label and among all (Ross 2014); H(Y) less held-out cross-entropy"
    )
    bias: ClassVar[str] = (
        "label information: some hundredths of a nat of either sign, its standard error up to a quarter too small, as "
        "neighbours are shared; label information bound: downwards, by how far the classifier is from the truth"
    )
    source: ClassVar[str] = "Ross, PLoS ONE 9(2), e87357, 2014; Barber and Agakov, NIPS 2003"

    neighbours: Annotated[int, Ge(1)] = 3
    images: Annotated[int, Ge(50)] = 10_000

    def check(self, splits: Splits, spec: ModelSpec) -> None:  # noqa: ARG002
        if splits.test.y is None:
            raise ValueError("information: the test images have no labels; digits, mnist and fashion_mnist have them")

    def cost(self, spec: ModelSpec, device: str) -> float:  # noqa: ARG002
        return 20.0

    def measures(self) -> tuple[Measure, ...]:
        return Measure("label information", "nats", "higher"), Measure("label information bound", "nats", "higher")

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        if (labels := evaluation.examples("test").y) is None:
            return {}
        chosen = torch.randperm(
            len(labels), generator=torch.Generator().manual_seed(derive_seed("information", evaluation.dataset))
        )
        chosen = chosen[: self.images]
        z = standardize(evaluation.posterior_samples("test").cpu()[chosen].double())
        y = torch.unique(torch.from_numpy(labels)[chosen], return_inverse=True)[1]
        estimates = {
            "label information bound": evaluation.with_seed(lambda: estimate_mean(bound_terms(z, y)), "information")
        }
        if z.shape[1] <= NEAREST_NEIGHBOUR_LATENTS:
            # Equal codes have no distances between them.
            noise = evaluation.with_seed(lambda: JITTER * torch.randn_like(z), "information", "jitter")
            estimates["label information"] = estimate_mean(mutual_information_discrete(z + noise, y, self.neighbours))
        return estimates


def standardize(z: Tensor) -> Tensor:
    """Codes [n, d] with mean 0 and variance 1 in each dimension; a dimension that does not vary is left at 0."""
    std = z.std(0)
    return (z - z.mean(0)) / torch.where(std > 0, std, 1)


def bound_terms(z: Tensor, y: Tensor) -> Tensor:
    """Values [n] whose mean is H(y) less the held-out cross-entropy of a classifier of codes z [n, d], y being 0, 1 ...

    Drawn from torch's global generator: the thirds, and the classifier's weights and batches.
    """
    classes = int(y.max()) + 1
    log_share = (torch.bincount(y).double() / len(y)).log()[y]
    # What was computed without gradients cannot be learned from; a clone can.
    codes, held_out = z.float().clone(), torch.zeros(len(y), dtype=torch.float64)
    for fold in torch.randperm(len(y)).tensor_split(FOLDS):
        kept = torch.ones(len(y), dtype=torch.bool)
        kept[fold] = False
        net = fit_classifier(codes[kept], y[kept], classes)
        with torch.no_grad():
            held_out[fold] = -cross_entropy(net(codes[fold]), y[fold], reduction="none").double()
    return held_out - log_share


def fit_classifier(z: Tensor, y: Tensor, classes: int) -> nn.Module:
    """A classifier of codes [n, d], as it is when its cross-entropy on a tenth that is held out is least."""
    net = nn.Sequential(nn.Linear(z.shape[1], HIDDEN), nn.ReLU(), last := nn.Linear(HIDDEN, classes))
    with torch.no_grad():  # begins at the shares of the labels, so that it can stay there
        last.weight.zero_()
        last.bias.copy_((torch.bincount(y, minlength=classes) + 0.5).log())
    stop, learn = torch.randperm(len(y)).split([len(y) // 10, len(y) - len(y) // 10])
    best, kept, since = inf, deepcopy(net), 0
    for _ in _train_epochs(net, z[learn], y[learn]):
        with torch.no_grad():
            cost = float(cross_entropy(net(z[stop]), y[stop]))
        best, kept, since = (cost, deepcopy(net), 0) if cost < best else (best, kept, since + 1)
        if since == PATIENCE:
            break
    return kept


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
