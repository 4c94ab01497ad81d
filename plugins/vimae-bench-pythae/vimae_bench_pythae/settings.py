"""The settings of a model of pythae, from the fields of its configuration."""

from collections.abc import Iterator, Mapping
from dataclasses import Field, fields
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, MinLen
from pythae.models import BaseAEConfig

OURS = {"name", "input_dim", "latent_dim", "discriminator_input_dim"}
"""What the harness decides, as it does whatever begins with `uses_default_`."""

NotNegative = Annotated[float, Ge(0)]
Positive = Annotated[float, Gt(0)]
Share = Annotated[float, Ge(0), Le(1)]
Count = Annotated[int, Ge(1)]

BOUNDS: Mapping[str, Any] = {
    "CIWAEConfig.beta": Share,
    "INFOVAE_MMD_Config.alpha": Annotated[float, Le(1)],
    "C": NotNegative,
    "adversarial_loss_scale": Share,
    "alpha": NotNegative,
    "beta": NotNegative,
    "beta_zero": Positive,
    "commitment_loss_factor": NotNegative,
    "curvature": Positive,
    "embedding_weight": NotNegative,
    "eps_lf": Positive,
    "equilibrium": NotNegative,
    "flows": Annotated[tuple[Literal["Planar", "Radial"], ...], MinLen(1)],
    "gamma": NotNegative,
    "hidden_size": Count,
    "kernel_bandwidth": Positive,
    "lbd": NotNegative,
    "margin": NotNegative,
    "n_hidden_in_made": Count,
    "n_lf": Count,
    "n_made_blocks": Count,
    "num_embeddings": Count,
    "number_components": Count,
    "number_gradient_estimates": Count,
    "number_samples": Count,
    "quantization_loss_factor": NotNegative,
    "reconstruction_layer": Annotated[int, Ge(-1)],
    "reconstruction_loss_scale": Positive,
    "reg_weight": NotNegative,
    "regularization": Positive,
    "scales": tuple[Positive, ...] | None,
    "temperature": Positive,
    "window_size": Count,
}
"""Types with bounds, which pythae's have not, by the field's name, and the configuration's where it matters."""


def list_settings(config: type[BaseAEConfig], left_out: tuple[str, ...] = ()) -> Iterator[tuple[str, Any, Any]]:
    """Name, type and default of each field that is a user's to set."""
    for field in fields(config):
        if field.name not in {*OURS, *left_out} and not field.name.startswith("uses_default_"):
            kind = BOUNDS.get(f"{config.__name__}.{field.name}") or BOUNDS.get(field.name, field.type)
            yield field.name, kind, _default(field)


def _default(field: Field[Any]) -> Any:  # noqa: ANN401
    default = field.default_factory() if callable(field.default_factory) else field.default
    return tuple(default) if isinstance(default, list) else default
