"""Every model of pythae as an objective: a frozen dataclass with the settings of its configuration."""

from dataclasses import dataclass, field, make_dataclass

from pythae import models
from pythae.models import BaseAE, BaseAEConfig

from .objective import PythaeObjective
from .settings import list_settings
from .variants import (
    AdversarialCode,
    CoupledBounds,
    DeterministicCode,
    InverseAutoregressiveVAE,
    MatchedCode,
    OneWayFlow,
    TotalCorrelation,
    UnsupportedModel,
    Vamp,
    VectorQuantizedCode,
    WarmedUp,
    WeightDecayed,
)

BALL = "its codes lie on a Poincaré ball, and so have to its prior and all that is measured of them"
SPHERE = "its codes lie on a sphere, and so have to its prior and all that is measured of them"
FLOWS = "its codes move along the decoder's gradient at the image, and posteriors here are made of the encoder's heads"
SKIPS = (
    "it leaves out a network's optimiser step now and then, depending on the losses, which no OptimizerStep can express"
)


@dataclass(frozen=True)
class ModelRow:
    """A model of pythae: a summary, its paper, and the base class of its objective."""

    model: type[BaseAE]
    summary: str
    source: str
    kind: type[PythaeObjective] = PythaeObjective
    left_out: tuple[str, ...] = ()
    """Settings without a meaning here."""
    unsupported: str = ""
    """Why it is not supported; empty if it is."""

    @property
    def name(self) -> str:
        """`pythae_` and the name of its folder in pythae."""
        return f"pythae_{self.model.__module__.split('.')[-2]}"

    @property
    def config(self) -> type[BaseAEConfig]:
        """Its configuration class, which pythae names in two ways."""
        name = self.model.__name__
        return getattr(models, f"{name}Config", None) or getattr(models, f"{name}_Config")


ROWS = (
    ModelRow(models.AE, "the plain autoencoder", "Hinton and Salakhutdinov, Science 313 (2006)", DeterministicCode),
    ModelRow(models.RAE_L2, "a regularised autoencoder, decoder weights decaying", "1903.12436", WeightDecayed),
    ModelRow(models.RAE_GP, "a regularised autoencoder with a gradient penalty", "1903.12436", DeterministicCode),
    ModelRow(models.WAE_MMD, "the Wasserstein autoencoder with MMD", "1711.01558", MatchedCode),
    ModelRow(models.VQVAE, "the vector-quantised autoencoder", "1711.00937", VectorQuantizedCode, ("use_ema", "decay")),
    ModelRow(models.VAE, "the variational autoencoder", "1312.6114"),
    ModelRow(models.BetaVAE, "the beta-VAE", "Higgins et al., ICLR 2017"),
    ModelRow(models.DisentangledBetaVAE, "the beta-VAE with a capacity", "1804.03599", WarmedUp, ("warmup_epoch",)),
    ModelRow(models.BetaTCVAE, "the beta-TCVAE", "1802.04942"),
    ModelRow(models.FactorVAE, "the FactorVAE", "1802.05983", TotalCorrelation),
    ModelRow(models.INFOVAE_MMD, "the InfoVAE with MMD", "1706.02262"),
    ModelRow(
        models.MSSSIM_VAE,
        "the VAE with a structural similarity for its error",
        "1511.06409",
        left_out=("reconstruction_loss",),
    ),
    ModelRow(models.IWAE, "the importance weighted autoencoder", "1509.00519"),
    ModelRow(models.CIWAE, "the combination of IWAE and VAE", "1802.04537"),
    ModelRow(models.MIWAE, "the mean of several IWAE bounds", "1802.04537"),
    ModelRow(models.PIWAE, "MIWAE for the encoder and IWAE for the decoder", "1802.04537", CoupledBounds),
    ModelRow(models.Adversarial_AE, "the adversarial autoencoder", "1511.05644", AdversarialCode),
    ModelRow(models.VAE_LinNF, "the VAE under planar and radial flows", "1505.05770", OneWayFlow),
    ModelRow(models.VAE_IAF, "the VAE under inverse autoregressive flows", "1606.04934", InverseAutoregressiveVAE),
    ModelRow(
        models.VAMP,
        "the VAE with a mixture of posteriors for its prior",
        "1705.07120",
        Vamp,
        ("number_components", "linear_scheduling_steps"),
    ),
    ModelRow(
        models.VAEGAN,
        "the VAE with a discriminator's features for its error",
        "1512.09300",
        UnsupportedModel,
        unsupported=SKIPS,
    ),
    ModelRow(models.HVAE, "the Hamiltonian VAE", "1805.11328", UnsupportedModel, unsupported=FLOWS),
    ModelRow(models.RHVAE, "the Riemannian Hamiltonian VAE", "2105.00026", UnsupportedModel, unsupported=FLOWS),
    ModelRow(models.SVAE, "the hyperspherical VAE", "1804.00891", UnsupportedModel, unsupported=SPHERE),
    ModelRow(models.PoincareVAE, "the Poincaré VAE", "1901.06033", UnsupportedModel, unsupported=BALL),
)


def make_objective_class(row: ModelRow) -> type[PythaeObjective]:
    """The class of the objective of a row."""
    taken = [*list_settings(row.config, row.left_out)]
    own = {"model": row.model, "config": row.config, "settings": tuple(name for name, _, _ in taken)}
    said = {"__doc__": _docstring(row), "__module__": __name__, "source": row.source, "reason": row.unsupported}
    return make_dataclass(
        row.model.__name__,
        [(name, kind, field(default=default)) for name, kind, default in taken],
        bases=(row.kind,),
        namespace=own | said,
        frozen=True,
    )


def _docstring(row: ModelRow) -> str:
    ending = f", which does not run here: {row.unsupported}" if row.unsupported else ""
    return f"pythae's `{row.model.__name__}`, {row.summary} ({row.source}){ending}."


OBJECTIVES = {row.name: make_objective_class(row) for row in ROWS}
globals().update({made.__name__: made for made in OBJECTIVES.values()})  # where pickle looks for the classes
