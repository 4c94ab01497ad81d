"""Tools for authors of metrics: classifiers on codes, distances of generated images, likelihoods, Inception."""

from ..core.results import REAL_IMAGES
from .classifiers import (
    FeatureReader,
    baseline_features,
    choose_rbf_cost,
    draw_stratified_subset,
    estimate_accuracy,
    fit_rbf_svm,
    latent_means,
    latent_samples,
    require_labels,
    validate_labels,
)
from .generation import FeatureExtractor, GenerativeDistance, ReferenceStatistics
from .inception import (
    ORIGINAL_INCEPTION,
    InceptionLayer,
    Precision,
    WeightsUnavailable,
    estimate_inception_cost,
    load_inception,
)
from .likelihood import GaussianDecoder, draw_images, estimate_noise_variance

__all__ = [
    "ORIGINAL_INCEPTION",
    "REAL_IMAGES",
    "FeatureExtractor",
    "FeatureReader",
    "GaussianDecoder",
    "GenerativeDistance",
    "InceptionLayer",
    "Precision",
    "ReferenceStatistics",
    "WeightsUnavailable",
    "baseline_features",
    "choose_rbf_cost",
    "draw_images",
    "draw_stratified_subset",
    "estimate_accuracy",
    "estimate_inception_cost",
    "estimate_noise_variance",
    "fit_rbf_svm",
    "latent_means",
    "latent_samples",
    "load_inception",
    "require_labels",
    "validate_labels",
]
