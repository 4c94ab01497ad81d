"""Tools for authors of metrics: classifiers on codes, distances of generated images, likelihoods, Inception."""

from .classifiers import (
    Codes,
    accuracy_over_draws,
    check_labelled,
    choose_labelled,
    drawn_codes,
    linear_machine,
    mean_codes,
    plain_codes,
    rbf_machine,
)
from .generation import Features, RealSide, SampleDistance
from .inception import INCEPTION_SECONDS, ORIGINAL_INCEPTION, InceptionLayer, NoWeights, inception_network
from .likelihood import GaussianDecoder, noise_variance, random_images

__all__ = [
    "INCEPTION_SECONDS",
    "ORIGINAL_INCEPTION",
    "Codes",
    "Features",
    "GaussianDecoder",
    "InceptionLayer",
    "NoWeights",
    "RealSide",
    "SampleDistance",
    "accuracy_over_draws",
    "check_labelled",
    "choose_labelled",
    "drawn_codes",
    "inception_network",
    "linear_machine",
    "mean_codes",
    "noise_variance",
    "plain_codes",
    "random_images",
    "rbf_machine",
]
