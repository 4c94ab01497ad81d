"""Probabilistic PCA, the linear-Gaussian model of largest likelihood."""

import numpy as np


def fit_probabilistic_pca(S: np.ndarray, latent: int) -> tuple[np.ndarray, float]:  # noqa: N803
    """(W, s2) of largest likelihood for d = latent < D: probabilistic PCA (Tipping and Bishop 1999)."""
    values, vectors = np.linalg.eigh(S)
    s2 = float(values[:-latent].mean())
    return vectors[:, -latent:] * np.sqrt(values[-latent:] - s2), s2
