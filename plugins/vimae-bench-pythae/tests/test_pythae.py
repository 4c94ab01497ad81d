"""Every model of pythae has its place here: it runs and keeps the contract, or says why it does not."""

from dataclasses import MISSING, fields
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter
from pythae import models
from torch import Tensor
from torch.autograd.functional import jacobian
from vimae_bench_pythae import vimae_objectives
from vimae_bench_pythae.models import OBJECTIVES, ROWS, ModelRow
from vimae_bench_pythae.priors import PythaeVamp

from vimae_bench.models import Autoencoder, Posterior, StandardNormal
from vimae_bench.plugin import Batch, ModelSpec
from vimae_bench.testing import Unsupported, check_objective, make_autoencoder, run_checks
from vimae_builtin.architectures.mlp import MLP
from vimae_builtin.priors.uniform import StandardUniform

SPEC = ModelSpec((1, 8, 8), 3)
README = Path(__file__).parents[1] / "README.md"
RUNS = [row for row in ROWS if not row.unsupported]
QUICK = ("pythae_vae", "pythae_rae_gp", "pythae_vq_vae", "pythae_vae_lin_nf")
"""Whose contract takes a second; that of others takes up to ten, most of them for the graph of a step."""
BROKEN = {
    "pythae_vq_vae": {"moves_to_float64"},
    "pythae_msssim_vae": {"moves_to_float64"},
    "pythae_adversarial_ae": {"moves_to_float64"},
    "pythae_vae_iaf": {"extremes_give_no_nan"},
}
"""What pythae's own code does not keep: tensors of float32 whatever the model's, a flow that overflows."""
ELSEWHERE = "pythae_vamp"
"""It has to have its own prior."""


def model_of(name: str, spec: ModelSpec = SPEC, **settings: Any) -> tuple[Any, Autoencoder]:
    objective, prior = OBJECTIVES[name](**settings), PythaeVamp if name == ELSEWHERE else StandardNormal
    return objective, make_autoencoder(spec, MLP(hidden=(8,)), prior, objective, seed=0)


def named(rows: list[ModelRow]) -> Any:
    slow = pytest.mark.slow
    return [pytest.param(row, id=row.name, marks=() if row.name in QUICK else slow) for row in rows]


def test_every_model_of_pythae_has_an_objective():
    every = {value for name in models.__all__ if isinstance(value := getattr(models, name), type)}
    autoencoders = {value for value in every if issubclass(value, models.BaseAE)} - {models.BaseAE}
    assert {row.model for row in ROWS} == autoencoders
    assert vimae_objectives().keys() == {row.name for row in ROWS}


def test_the_readme_says_of_every_model_whether_it_runs():
    lines = [f"| `{row.name}` | `{row.model.__name__}`: {row.summary} | {row.unsupported or 'runs'} |" for row in ROWS]
    assert "\n".join(lines) in README.read_text()


@pytest.mark.parametrize("row", named([row for row in RUNS if row.name != ELSEWHERE]))
def test_passes_the_contract_except_where_pythae_does_not(row):
    broken = {o.check.name for o in run_checks("objective", OBJECTIVES[row.name]()) if o.status == "fails"}
    assert broken == BROKEN.get(row.name, set())


@pytest.mark.parametrize("row", [row for row in ROWS if row.unsupported], ids=lambda row: row.name)
def test_unsupported_model_is_refused_with_its_reason(row):
    with pytest.raises(Unsupported, match=f"pythae's {row.model.__name__} does not run here: {row.unsupported}"):
        check_objective(OBJECTIVES[row.name]())


def test_settings_and_defaults_are_those_of_pythae():
    for row in ROWS:
        theirs, ours = row.config(), OBJECTIVES[row.name]()
        for name in ours.settings:
            value = getattr(ours, name)
            assert getattr(theirs, name) == (list(value) if isinstance(value, tuple) else value), (row.name, name)


def test_every_number_has_bounds():
    for objective in OBJECTIVES.values():
        for field in fields(objective):
            schema = TypeAdapter(field.type).json_schema()
            number = schema.get("type") in ("number", "integer")
            assert not number or {"minimum", "exclusiveMinimum", "maximum"} & {*schema}, (objective, field.name)
            assert field.default is not MISSING


@pytest.mark.parametrize("row", RUNS, ids=lambda row: row.name)
def test_weights_belong_to_one_part_alone(row):
    _, model = model_of(row.name)
    ours = [p for part in ("encoder", "decoder", "prior", "auxiliary") for p in model.module_parameters((part,))]
    assert len({id(p) for p in ours}) == len(ours) == len([*model.parameters()])


def test_prior_that_differs_from_the_loss_is_refused():
    objective = OBJECTIVES["pythae_vae"]()
    model = make_autoencoder(ModelSpec((1, 8, 8), 3), MLP(hidden=(8,)), StandardUniform, objective, seed=0)
    with pytest.raises(ValueError, match="use the prior 'normal'"):
        objective.check(model)
    OBJECTIVES["pythae_ae"]().check(model)


def test_vamp_requires_its_own_prior():
    objective, model = model_of(ELSEWHERE)
    objective.check(model)
    with pytest.raises(ValueError, match="use the prior 'pythae_vamp'"):
        objective.check(model_of("pythae_vae")[1])


def test_prior_of_vamp_passes_its_contract_except_where_pythae_does_not():
    broken = {o.check.name for o in run_checks("prior", partial(PythaeVamp, components=5)) if o.status == "fails"}
    assert broken <= {"moves_to_float64"}  # which is the fault of pythae's own layers


def test_pythae_sees_pixels_from_0_to_1_whatever_our_networks_see():
    images = torch.rand(4, 1, 8, 8)
    for units, x in (("unit", images), ("sym", 2 * images - 1)):
        objective, model = model_of("pythae_vae", ModelSpec((1, 8, 8), 3, units), reconstruction_loss="bce")
        out = objective.run_model(model.eval(), Batch(x, torch.tensor(0.0), len(x)))
        theirs = model.decode(out.z) if units == "unit" else (model.decode(out.z) + 1) / 2
        torch.testing.assert_close(out.recon_x, theirs)
        bce = torch.nn.functional.binary_cross_entropy(theirs, images, reduction="sum") / len(images)
        torch.testing.assert_close(out.recon_loss, bce)


@pytest.mark.parametrize("name", ["pythae_vq_vae", "pythae_vae_iaf", "pythae_vae_lin_nf"])
def test_codes_are_evaluated_as_pythae_decodes_them(name):
    objective, model = model_of(name)
    x = torch.rand(6, 1, 8, 8)
    torch.manual_seed(0)
    out = objective.run_model(model.eval(), Batch(x, torch.tensor(0.0), len(x)))
    torch.manual_seed(0)
    torch.testing.assert_close(evaluated(model, x).rsample(), out.z)


def test_a_quantised_code_is_made_of_the_codebook():
    _, model = model_of("pythae_vq_vae", num_embeddings=5)
    book = model.auxiliary.quantizer.embeddings.weight.flatten()
    assert {*evaluated(model, torch.rand(6, 1, 8, 8)).mean.flatten().tolist()} <= {*book.tolist()}


def test_a_deterministic_adversarial_code_has_no_variance():
    objective, model = model_of("pythae_adversarial_ae", deterministic_posterior=True)
    x = torch.rand(6, 1, 8, 8)
    out = objective.run_model(model.eval(), Batch(x, torch.tensor(0.0), len(x)))
    torch.testing.assert_close(out.z, evaluated(model, x).mean)


@pytest.mark.parametrize("name", ["pythae_vae_iaf", "pythae_vae_lin_nf"])
def test_the_density_of_flowed_draws_is_that_of_a_change_of_variables(name):
    _, model = model_of(name)
    q = evaluated(model.double(), torch.rand(1, 1, 8, 8, dtype=torch.float64))
    torch.manual_seed(1)
    _, log_q = q.rsample_with_log_prob()
    torch.manual_seed(1)
    z0 = q.base.rsample()
    push = q.flow.forward if name == "pythae_vae_iaf" else None
    slope = jacobian(lambda u: push(u, q.context)[0] if push else q._transform(u)[0], z0).view(3, 3)
    expected = q.base.log_prob(z0) - torch.linalg.slogdet(slope).logabsdet
    torch.testing.assert_close(log_q, expected, rtol=1e-3, atol=1e-3)  # pythae adds 1e-4 to a planar flow's determinant


def test_an_inverse_autoregressive_flow_is_inverted():
    _, model = model_of("pythae_vae_iaf")
    q = evaluated(model, torch.rand(6, 1, 8, 8))
    z, log_q = q.rsample_with_log_prob((5,))
    torch.testing.assert_close(q.log_prob(z), log_q, rtol=1e-3, atol=1e-3)


def evaluated(model: Autoencoder, x: Tensor) -> Posterior:
    """As metrics see it."""
    return model.family.from_heads(*model.eval().encoder(x))
