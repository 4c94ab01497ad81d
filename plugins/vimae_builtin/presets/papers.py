"""What the papers that are compared leave open, or say differently from each other.

paper       the VIMAE paper as printed (1905.10549): every method minimises 1 * SSE + its regulariser, at a constant
            learning rate
wae         the code of WAE that it says it reuses (github.com/tolstikhin/wae): 0.05 * SSE, falling learning rates,
            the encoder pre-trained, batches drawn independently; MNIST's configuration for grey images, CelebA's for
            colour images
calibrated  one Gaussian decoder of the stated `sigma` for all methods: SSE / (2 sigma^2), sigma in [0, 1] units, so
            that beta = 1 is the ELBO (Rybkin et al., sigma-VAE, 2006.13202)
"""

from collections.abc import Mapping

from vimae_bench.plugin import Preset, hookimpl

GREY = {"epochs": 100, "schedule": "wae_steps", "pretraining_batch": 1000}
COLOUR = {"epochs": 50, "schedule": "wae_smooth", "pretraining_batch": 256}
DATASETS = {"mnist": GREY, "fashion_mnist": GREY, "omniglot": GREY, "cifar10": COLOUR, "celeba": COLOUR}


@hookimpl
def vimae_presets() -> Mapping[str, Preset]:
    """The presets `paper`, `wae` and `calibrated`."""
    return {
        "paper": Preset(objective={"recon_scale": 1.0}),
        "wae": Preset(
            objective={"recon_scale": 0.05},
            training={"sampling": "choice", "pretraining": 200},
            training_by_dataset=DATASETS,
        ),
        "calibrated": Preset(scale_from_sigma="recon_scale"),
    }
