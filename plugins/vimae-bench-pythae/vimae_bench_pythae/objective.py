"""A model of pythae as an objective: its own forward pass, over our networks, gives the loss."""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pythae.models import BaseAE, BaseAEConfig
from pythae.models.base.base_utils import ModelOutput
from torch import Tensor

from vimae_bench.models import Autoencoder, Gaussian, PosteriorFamily, Prior
from vimae_bench.plugin import Batch, Loss, ModelSpec, Objective

from .networks import PlaceholderDecoder, PlaceholderEncoder, lend_networks, to_unit


class PythaeObjective(Objective):
    """A model with one loss. Its modules other than encoder and decoder are the auxiliary module of the objective."""

    model: ClassVar[type[BaseAE]]
    config: ClassVar[type[BaseAEConfig]]
    settings: ClassVar[tuple[str, ...]]
    """The names of the settings of the configuration."""
    normal: ClassVar[bool] = True
    """Whether the loss contains N(0, I), so that no other prior is supported."""

    def posterior(self) -> PosteriorFamily:
        return Gaussian()

    def auxiliary(self, spec: ModelSpec) -> BaseAE:
        """The model without encoder and decoder, which it uses only while a loss is computed."""
        settings = {name: _to_list(getattr(self, name)) for name in self.settings}
        config = self.config(input_dim=spec.shape, latent_dim=spec.latent, **settings)
        pythae = self.model(config, PlaceholderEncoder(spec), PlaceholderDecoder())
        pythae.device = torch.device("cpu")  # as pythae's trainer does; before there is none
        return pythae

    def __call__(self, model: Autoencoder, batch: Batch) -> Loss:
        out = self.run_model(model, batch)
        return Loss(out.loss, collect_terms(out))

    def check(self, model: Autoencoder) -> None:
        """Raises ValueError for a prior other than the one in pythae's loss."""
        if self.normal and not is_standard_normal(model.prior):
            raise ValueError(f"pythae's {self.model.__name__} has N(0, I) in its loss; use the prior 'normal'")

    def get_module(self, model: Autoencoder) -> BaseAE:
        """pythae's own module in a model of ours."""
        return model.auxiliary

    def run_model(self, model: Autoencoder, batch: Batch, **more: object) -> ModelOutput:
        """The output of pythae's forward pass for a batch."""
        pythae = self.get_module(model)
        pythae.device = batch.x.device
        x = to_unit(batch.x, model.spec.pixel_range)
        with lend_networks(pythae, model):
            return pythae({"data": x}, dataset_size=batch.dataset_size, **more)


def collect_terms(out: ModelOutput) -> Mapping[str, Tensor]:
    """The other losses that pythae reports, as scalars: some of them have a value for each sample."""
    return {name: value.mean() for name, value in out.items() if name.endswith("_loss")}


def is_standard_normal(prior: Prior) -> bool:
    """Whether a prior is N(0, I), by its density at a few codes; one with weights is not."""
    if next(prior.parameters(), None) is not None:
        return False
    z = torch.linspace(-2, 2, 5)[:, None].expand(5, prior.latent)
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(-1)
    with torch.inference_mode():  # the model may have been made in it
        return torch.allclose(prior.log_prob(z), normal, atol=1e-4)


def _to_list(value: Any) -> Any:  # noqa: ANN401
    return list(value) if isinstance(value, tuple) else value
