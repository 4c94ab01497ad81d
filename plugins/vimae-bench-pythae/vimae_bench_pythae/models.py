"""Every model of pythae, and the objective it is made: a frozen dataclass with the settings of its configuration."""

from dataclasses import dataclass, field, make_dataclass

from pythae import models
from pythae.models import BaseAE, BaseAEConfig

from .kinds import (
    AdversarialCode,
    Coded,
    Coupled,
    Decayed,
    InverseAutoregressive,
    Matched,
    OneWay,
    TotalCorrelation,
    Unfit,
    Vamp,
    VectorQuantised,
    WarmedUp,
)
from .objective import PythaeObjective
from .settings import settings_of

BALL = "its codes lie on a Poincaré ball, and so have to its prior and all that is measured of them"
SPHERE = "its codes lie on a sphere, and so have to its prior and all that is measured of them"
FLOWS = "its codes move along the decoder's gradient at the image, and posteriors here are made of the encoder's heads"
SKIPS = "it leaves out a network's optimiser step now and then, depending on the losses, which no Step can say"


@dataclass(frozen=True)
class Row:
    """A model of pythae: what it is in a line, its paper, the kind of objective it is made."""

    model: type[BaseAE]
    summary: str
    source: str
    kind: type[PythaeObjective] = PythaeObjective
    left_out: tuple[str, ...] = ()
    """Settings that have no meaning here."""
    unfit: str = ""
    """Why it does not run here; empty if it does."""

    @property
    def name(self) -> str:
        """`pythae_` and the name of its folder in pythae."""
        return f"pythae_{self.model.__module__.split('.')[-2]}"

    @property
    def config(self) -> type[BaseAEConfig]:
        """Its configuration, of which pythae has two spellings."""
        name = self.model.__name__
        return getattr(models, f"{name}Config", None) or getattr(models, f"{name}_Config")


ROWS = (
    Row(models.AE, "the plain autoencoder", "Hinton and Salakhutdinov, Science 313 (2006)", Coded),
    Row(models.RAE_L2, "a regularised autoencoder, decoder weights decaying", "1903.12436", Decayed),
    Row(models.RAE_GP, "a regularised autoencoder with a gradient penalty", "1903.12436", Coded),
    Row(models.WAE_MMD, "the Wasserstein autoencoder with MMD", "1711.01558", Matched),
    Row(models.VQVAE, "the vector-quantised autoencoder", "1711.00937", VectorQuantised, ("use_ema", "decay")),
    Row(models.VAE, "the variational autoencoder", "1312.6114"),
    Row(models.BetaVAE, "the beta-VAE", "Higgins et al., ICLR 2017"),
    Row(models.DisentangledBetaVAE, "the beta-VAE with a capacity", "1804.03599", WarmedUp, ("warmup_epoch",)),
    Row(models.BetaTCVAE, "the beta-TCVAE", "1802.04942"),
    Row(models.FactorVAE, "the FactorVAE", "1802.05983", TotalCorrelation),
    Row(models.INFOVAE_MMD, "the InfoVAE with MMD", "1706.02262"),
    Row(
        models.MSSSIM_VAE,
        "the VAE with a structural similarity for its error",
        "1511.06409",
        left_out=("reconstruction_loss",),
    ),
    Row(models.IWAE, "the importance weighted autoencoder", "1509.00519"),
    Row(models.CIWAE, "the combination of IWAE and VAE", "1802.04537"),
    Row(models.MIWAE, "the mean of several IWAE bounds", "1802.04537"),
    Row(models.PIWAE, "MIWAE for the encoder and IWAE for the decoder", "1802.04537", Coupled),
    Row(models.Adversarial_AE, "the adversarial autoencoder", "1511.05644", AdversarialCode),
    Row(models.VAE_LinNF, "the VAE under planar and radial flows", "1505.05770", OneWay),
    Row(models.VAE_IAF, "the VAE under inverse autoregressive flows", "1606.04934", InverseAutoregressive),
    Row(
        models.VAMP,
        "the VAE with a mixture of posteriors for its prior",
        "1705.07120",
        Vamp,
        ("number_components", "linear_scheduling_steps"),
    ),
    Row(models.VAEGAN, "the VAE with a discriminator's features for its error", "1512.09300", Unfit, unfit=SKIPS),
    Row(models.HVAE, "the Hamiltonian VAE", "1805.11328", Unfit, unfit=FLOWS),
    Row(models.RHVAE, "the Riemannian Hamiltonian VAE", "2105.00026", Unfit, unfit=FLOWS),
    Row(models.SVAE, "the hyperspherical VAE", "1804.00891", Unfit, unfit=SPHERE),
    Row(models.PoincareVAE, "the Poincaré VAE", "1901.06033", Unfit, unfit=BALL),
)


def objective_of(row: Row) -> type[PythaeObjective]:
    """The class of the objective that a row says."""
    taken = [*settings_of(row.config, row.left_out)]
    own = {"model": row.model, "config": row.config, "settings": tuple(name for name, _, _ in taken)}
    said = {"__doc__": _docstring(row), "__module__": __name__, "source": row.source, "reason": row.unfit}
    return make_dataclass(
        row.model.__name__,
        [(name, kind, field(default=default)) for name, kind, default in taken],
        bases=(row.kind,),
        namespace=own | said,
        frozen=True,
    )


def _docstring(row: Row) -> str:
    ending = f", which does not run here: {row.unfit}" if row.unfit else ""
    return f"pythae's `{row.model.__name__}`, {row.summary} ({row.source}){ending}."


OBJECTIVES = {row.name: objective_of(row) for row in ROWS}
globals().update({made.__name__: made for made in OBJECTIVES.values()})  # where pickle looks for a class
