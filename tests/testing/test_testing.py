"""Every contract check finds the fault it is there for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vimae_bench.execution import Event, Job, JobEnded, JobStarted, Tick
from vimae_bench.functional import squared_error
from vimae_bench.models import Autoencoder, Gaussian, Prior, StandardNormal
from vimae_bench.plugin import (
    Batch,
    BenchError,
    Divergence,
    DivergenceContext,
    Estimate,
    Evaluation,
    Loss,
    Measure,
    Metric,
    ModelSpec,
    Objective,
    Splits,
)
from vimae_bench.testing import (
    CONTRACTS,
    ContractError,
    Unsupported,
    check_architecture,
    check_dataset,
    check_divergence,
    check_executor,
    check_metric,
    check_objective,
    check_prior,
    check_reporter,
    contract_tests,
    run_checks,
)
from vimae_builtin.objectives.elbo import ELBO

pytestmark = pytest.mark.medium


class Wide(StandardNormal):
    def sample(self, n: int) -> Tensor:
        return 1.2 * super().sample(n)


class Unnormalised(StandardNormal):
    def log_prob(self, z: Tensor) -> Tensor:
        return super().log_prob(z) + 0.1 * self.latent


class WrongEntropy(StandardNormal):
    def entropy(self, n: int = 100_000) -> Tensor:
        return torch.tensor(1.0)


class Double(StandardNormal):
    def sample(self, n: int) -> Tensor:
        return super().sample(n).double()


class Summed(StandardNormal):
    def log_prob(self, z: Tensor) -> Tensor:
        return super().log_prob(z).sum()


class Idle(StandardNormal):
    def __init__(self, latent: int):
        super().__init__(latent)
        self.unused = nn.Parameter(torch.zeros(()))


class Encoded(StandardNormal):
    """A mixture of two posteriors, of images that it learns."""

    def bind(self, spec: ModelSpec, encode: Callable[[Tensor], Gaussian]) -> None:
        self.encode, self.images = encode, nn.Parameter(torch.rand(2, *spec.shape))

    def sample(self, n: int) -> Tensor:
        return self.encode(self.images).rsample((n,))[torch.arange(n), torch.randint(2, (n,))]

    def log_prob(self, z: Tensor) -> Tensor:
        return self.encode(self.images).log_prob(z.unsqueeze(-2)).logsumexp(-1) - log(2)

    def inverse_cdf(self, u: Tensor) -> None:
        """Not known."""


FAULTY_PRIORS = {
    Wide: "draws of one dimension",
    Unnormalised: "integrates to 1.105",
    WrongEntropy: "entropy",
    Double: "float64",
    Summed: r"shape \(\)",
    Idle: "unused",
}


@pytest.mark.parametrize("kind", FAULTY_PRIORS, ids=lambda kind: kind.__name__)
def test_faulty_prior_fails(kind: type[Prior]) -> None:
    with pytest.raises(ContractError, match=FAULTY_PRIORS[kind]):
        check_prior(kind)


def test_prior_made_of_posteriors_passes() -> None:
    check_prior(Encoded)


@dataclass(frozen=True)
class FunctionDivergence(Divergence):
    """A function of the codes."""

    function: Callable[[Tensor], Tensor]

    def loss(self, z: Tensor, prior: Prior, context: DivergenceContext) -> Tensor:
        return self.function(z)


FAULTY_DIVERGENCES = {
    "not a scalar": lambda z: z.square().sum(1),
    "for draws of the prior": lambda z: z.std() + z.mean(),
    "does not lead": lambda z: z.detach().mean().square() - (z - z.detach()).mean(),
}


@pytest.mark.parametrize("fault", FAULTY_DIVERGENCES)
def test_faulty_divergence_fails(fault: str) -> None:
    with pytest.raises(ContractError, match=fault):
        check_divergence(FunctionDivergence(FAULTY_DIVERGENCES[fault]))


class Heads(nn.Module):
    def __init__(self, spec: ModelSpec, heads: int):
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(spec.input_size, spec.latent) for _ in range(heads))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(head(x.flatten(1)) for head in self.heads)


class HeadsBeforeTrunk(Heads):
    def __init__(self, spec: ModelSpec, heads: int):
        super().__init__(spec, heads)
        self.trunk = nn.Linear(spec.input_size, spec.input_size)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return super().forward(self.trunk(x.flatten(1)))


@dataclass(frozen=True)
class Linear:
    heads: Callable[[ModelSpec, int], nn.Module] = Heads
    squash: Callable[[], nn.Module] = nn.Sigmoid

    def encoder(self, spec: ModelSpec, heads: int) -> nn.Module:
        return self.heads(spec, heads)

    def decoder(self, spec: ModelSpec) -> nn.Module:
        return nn.Sequential(nn.Linear(spec.latent, spec.input_size), self.squash(), nn.Unflatten(1, spec.shape))


class Refusing(Linear):
    def decoder(self, spec: ModelSpec) -> nn.Module:
        raise ValueError("no spec is good enough")


FAULTY_ARCHITECTURES = {
    "give": Linear(heads=lambda spec, heads: Heads(spec, 1)),
    "depends on the number of heads": Linear(heads=HeadsBeforeTrunk),
    "leave": Linear(squash=nn.Identity),
    "accepts none": Refusing(),
}


@pytest.mark.parametrize("fault", FAULTY_ARCHITECTURES)
def test_faulty_architecture_fails(fault: str) -> None:
    with pytest.raises(ContractError, match=fault):
        check_architecture(FAULTY_ARCHITECTURES[fault])


class LazyHeads(Heads):
    def __init__(self, spec: ModelSpec, heads: int):
        nn.Module.__init__(self)
        self.heads = nn.ModuleList(nn.LazyLinear(spec.latent) for _ in range(heads))


SHARED_HEADS = {number: Heads(ModelSpec((1, 28, 28), 2), number) for number in (1, 2)}


def test_layers_that_know_their_width_at_the_first_batch_are_new_layers() -> None:
    name = "modules_are_new"
    for architecture, status in (
        (Linear(heads=LazyHeads), "ok"),
        (Linear(heads=lambda spec, heads: SHARED_HEADS[heads]), "fails"),
    ):
        (outcome,) = (o for o in run_checks("architecture", architecture) if o.check.name == name)
        assert outcome.status == status, outcome.reason


class Reconstruction(Objective):
    """Reconstruction from one draw of a Gaussian posterior; what is made of it is to be filled in."""

    def posterior(self) -> Gaussian:
        return Gaussian()

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        q = model.encode(batch.x)
        sse = squared_error(batch.x, model.decode(q.rsample())).mean()
        return self.loss(sse, model, batch)

    def loss(self, sse: Tensor, model: Autoencoder, batch: Batch) -> Loss:
        return Loss(sse, {})


class Infinite(Reconstruction):
    def loss(self, sse: Tensor, model: Autoencoder, batch: Batch) -> Loss:
        return Loss(sse, {"rate": sse / 0})


class Rising(Reconstruction):
    def loss(self, sse: Tensor, model: Autoencoder, batch: Batch) -> Loss:
        return Loss(sse - 2 * sse.detach(), {})


class Branching(Reconstruction):
    def loss(self, sse: Tensor, model: Autoencoder, batch: Batch) -> Loss:
        return Loss(sse if sse > 0 else -sse, {})


class ByImage(Reconstruction):
    def loss(self, sse: Tensor, model: Autoencoder, batch: Batch) -> Loss:
        return Loss(sse, {"sse": squared_error(batch.x, batch.x)})


class Untrained(Reconstruction):
    def auxiliary(self, spec: ModelSpec) -> nn.Module:
        return nn.Linear(2, 2)


FAULTY_OBJECTIVES = {
    Infinite: "not finite",
    Rising: "does not decrease",
    Branching: "one graph",
    ByImage: "has to be a scalar",
    Untrained: "no gradient reaches .'auxiliary'",
}


@pytest.mark.parametrize("kind", FAULTY_OBJECTIVES, ids=lambda kind: kind.__name__)
def test_faulty_objective_fails(kind: type[Objective]) -> None:
    with pytest.raises(BenchError, match=FAULTY_OBJECTIVES[kind]):
        check_objective(kind())


@dataclass(frozen=True)
class Given(Metric):
    """Returns the given value."""

    estimates: Mapping[str, Estimate]
    reference: Mapping[str, Estimate]
    names: tuple[str, ...] = ("width",)

    def measures(self) -> tuple[Measure, ...]:
        return tuple(Measure(name, "", None) for name in self.names)

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        return self.estimates

    def references(self, splits: Splits, spec: ModelSpec, dataset: str) -> Mapping[str, Mapping[str, Estimate]]:
        return {"raw pixels": self.reference}


GOOD = {"width": Estimate(1.0, 10, 0.1)}
FAULTY_METRICS = {
    "each name once": Given(GOOD, GOOD, ("width", "width")),
    "does not name": Given({"depth": Estimate(1.0, 10)}, GOOD),
    "is nan": Given({"width": Estimate(float("nan"), 10)}, GOOD),
    "from 0 items": Given({"width": Estimate(1.0, 0)}, GOOD),
    "standard error -1": Given({"width": Estimate(1.0, 10, -1.0)}, GOOD),
    "is inf": Given(GOOD, {"width": Estimate(float("inf"), 10)}),
}


@pytest.mark.parametrize("fault", FAULTY_METRICS)
def test_faulty_metric_fails(fault: str) -> None:
    with pytest.raises(ContractError, match=fault):
        check_metric(FAULTY_METRICS[fault])


@dataclass(frozen=True)
class Folder:
    folder: str = "faces"
    pixel_range: str = "unit"
    validation: int = 0


@pytest.mark.parametrize("faulty", [Folder("../faces"), Folder(""), Folder(pixel_range="0-255"), Folder(validation=-1)])
def test_faulty_data_set_fails(faulty: Folder) -> None:
    check_dataset(Folder())
    with pytest.raises(ContractError):
        check_dataset(faulty)


def forgetful(jobs: Sequence[Job], work: Callable[[Job], int]) -> Iterator[Event]:
    for job in jobs[1:]:
        yield JobStarted(job)
        yield JobEnded(job, work(job))


def content(jobs: Sequence[Job], work: Callable[[Job], int]) -> Iterator[Event]:
    for job in jobs:
        yield JobStarted(job)
        yield JobEnded(job, 0 * work(job))


@pytest.mark.parametrize("faulty", [forgetful, content])
def test_faulty_executor_fails(faulty: Callable[..., Iterator[Event]]) -> None:
    with pytest.raises(ContractError):
        check_executor(faulty)


def test_reporter_that_drops_an_event_fails() -> None:
    check_reporter(lambda jobs, events: events)
    with pytest.raises(ContractError):
        check_reporter(lambda jobs, events: (event for event in events if not isinstance(event, Tick)))


class Counting(Reconstruction):
    """Not the same when trained again: it draws from a generator of its own."""

    generator = torch.Generator().manual_seed(0)

    def loss(self, sse: Tensor, model: Autoencoder, batch: Batch) -> Loss:
        return Loss(sse * (1 + torch.rand((), generator=self.generator)), {})


class LeftBehind(Reconstruction):
    weight = torch.ones(4, 4)

    def loss(self, sse: Tensor, model: Autoencoder, batch: Batch) -> Loss:
        return Loss(sse + (batch.x * self.weight).mean(), {})


class Single(Reconstruction):
    def loss(self, sse: Tensor, model: Autoencoder, batch: Batch) -> Loss:
        return Loss(sse + (batch.x.flatten(1) @ torch.ones(16, 1, device=batch.x.device)).mean(), {})


class Swallowing(Reconstruction):
    def loss(self, sse: Tensor, model: Autoencoder, batch: Batch) -> Loss:
        return Loss(sse.nan_to_num(), {})


class Overflowing(Reconstruction):
    def loss(self, sse: Tensor, model: Autoencoder, batch: Batch) -> Loss:
        q = model.encode(batch.x)
        return Loss(sse + (q.l - q.l.exp().exp().log()).mean() * 0, {})


@dataclass
class Thawed(Reconstruction):
    weight: float = 1.0


@dataclass(frozen=True)
class Holding(Reconstruction):
    """A setting that cannot cross to another process."""

    scale: Callable[[float], float] = lambda x: x


@dataclass(frozen=True)
class Forgetful(Reconstruction):
    """Its settings are not what it was given."""

    weight: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", self.weight + 1)


FAULTS_BY_CHECK = {
    "same_seed_same_result": Counting(),
    "moves_to_another_device": LeftBehind(),
    "moves_to_float64": Single(),
    "nan_is_not_hidden": Swallowing(),
    "extremes_give_no_nan": Overflowing(),
    "settings_can_be_copied": Thawed(),
    "settings_can_be_pickled": Holding(),
    "settings_can_be_copied of a new one": Forgetful(),
}


@pytest.mark.parametrize("check", FAULTS_BY_CHECK)
def test_check_of_objectives_finds_its_fault(check: str) -> None:
    outcomes = {outcome.check.name: outcome for outcome in run_checks("objective", FAULTS_BY_CHECK[check])}
    assert outcomes[check.split()[0]].status == "fails"
    assert outcomes["terms_are_finite"].status == "ok"


def test_check_reports_the_line_where_a_tensor_does_not_move() -> None:
    (why,) = (o.reason for o in run_checks("objective", LeftBehind()) if o.check.name == "moves_to_another_device")
    assert "test_testing.py:" in why


class Raising(Reconstruction):
    def loss(self, sse: Tensor, model: Autoencoder, batch: Batch) -> Loss:
        raise KeyError("beta")


def test_error_of_a_plugin_is_reported_with_its_line_and_other_checks_run() -> None:
    outcomes = {outcome.check.name: outcome for outcome in run_checks("objective", Raising())}
    assert outcomes["terms_are_finite"].reason.startswith("KeyError: 'beta' at test_testing.py:")
    assert outcomes["settings_can_be_copied"].status == "skipped"
    assert len(outcomes) == len(CONTRACTS["objective"])


class Unnoticing(StandardNormal):
    def log_prob(self, z: Tensor) -> Tensor:
        return super().log_prob(z.nan_to_num())


def test_density_that_hides_nan_fails() -> None:
    (outcome,) = (o for o in run_checks("prior", Unnoticing) if o.check.name.startswith("density_of"))
    assert outcome.status == "fails"


def test_divergence_with_a_nan_gradient_for_equal_codes_fails() -> None:
    def rooted(z: Tensor) -> Tensor:
        return (z[:, None] - z).square().sum(-1).sqrt().mean() + z.mean().square()

    outcomes = {o.check.name: o for o in run_checks("divergence", FunctionDivergence(rooted))}
    assert outcomes["no_nan_where_codes_coincide"].status == "fails"
    assert outcomes["critic_learns"].status == "skipped"


@dataclass(frozen=True)
class Drawing(Given):
    """Draws its numbers where no seed reaches them."""

    def __call__(self, evaluation: Evaluation) -> Mapping[str, Estimate]:
        return {"width": Estimate(float(np.random.default_rng().random()), 1)}


def test_metric_without_a_seed_and_metric_that_hides_nan_fail() -> None:
    drawing, blind = (
        {o.check.name: o.status for o in run_checks("metric", m)} for m in (Drawing(GOOD, GOOD), Given(GOOD, GOOD))
    )
    assert drawing["same_model_same_values"] == "fails"
    assert blind["nan_is_not_hidden"] == "fails"


test_contract = contract_tests(Folder("faces"), kind="dataset")


def test_contract_has_a_test_for_each_check_under_its_name() -> None:
    (mark,) = test_contract.pytestmark
    assert (
        [check.name for check in mark.args[1]] == mark.kwargs["ids"] == [check.name for check in CONTRACTS["dataset"]]
    )


def test_kind_is_that_of_the_hook_that_offers_the_class() -> None:
    (mark,) = contract_tests(ELBO).pytestmark
    assert mark.args[1] == CONTRACTS["objective"]
    with pytest.raises(BenchError, match=r"no hook of .* offers Folder; write contract_tests"):
        contract_tests(Folder)


class Picky(Reconstruction):
    """Trains only what it likes."""

    def check(self, model: Autoencoder) -> None:
        raise ValueError("wants the prior 'vamp'")


def test_objective_that_refuses_the_example_model_says_why() -> None:
    with pytest.raises(Unsupported, match="wants the prior 'vamp'"):
        check_objective(Picky())
    with pytest.raises(Unsupported, match="wants the prior 'vamp'"):
        [*run_checks("objective", Picky())]


class PartlyFrozen(Reconstruction):
    """A part with a weight that is not to be trained."""

    def auxiliary(self, spec: ModelSpec) -> nn.Module:
        module = nn.Module()
        module.fixed = nn.Parameter(torch.ones(()), requires_grad=False)
        return module


def test_frozen_weight_needs_no_gradient() -> None:
    check_objective(PartlyFrozen())
