"""Mutual information in nats from the distances of nearest neighbours: for few dimensions and many points.

Both estimators give a value for each point, whose mean is the estimate. Points share neighbours, so that the standard
error of the mean is up to half as large again as that of independent values. They are consistent, with a bias of some
hundredths of a nat at some thousand points, and see no more than about log n nats (Gao et al., 1411.2003). Equal points
have distance 0: add a little noise to values that repeat.
"""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:  # scipy takes a third of a second to import, and few commands need it
    from scipy.spatial import KDTree


def mutual_information_discrete(z: Tensor, y: Tensor, k: int = 3) -> Tensor:
    """Values [n] whose mean is I(y; z) for points z [n, d] with labels y, int64 [n] (Ross, PLoS ONE 9(2), 2014).

    psi(n) - psi(n_y) + psi(k) - psi(m): the k-th neighbour among the n_y points of the same label is the m-th among
    all. Distances are largest differences. A label of up to k points has fewer neighbours to look at, and the only
    point of its label has the value 0.
    """
    from scipy.special import digamma

    points, labels = _to_numpy(z), y.cpu().numpy()
    tree, values = _build_tree(points), np.zeros(len(points))
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        if (near := min(k, len(own) - 1)) < 1:
            continue
        radius = _distance_to_neighbour(points[own], near)
        m = _count_within(tree, points[own], radius)
        values[own] = digamma(len(points)) - digamma(len(own)) + digamma(near) - digamma(m)
    return torch.from_numpy(values)


def mutual_information_continuous(x: Tensor, y: Tensor, k: int = 3) -> Tensor:
    """Values [n] whose mean is I(x; y) for points x [n, dx] and y [n, dy]: estimator 1 of Kraskov et al. (2004).

    psi(k) + psi(n) - psi(n_x + 1) - psi(n_y + 1): n_x and n_y points are nearer in x and in y alone than the k-th
    neighbour is in both, distances being largest differences (Physical Review E 69, 066138, equation 8).
    """
    from scipy.special import digamma

    a, b = _to_numpy(x), _to_numpy(y)
    radius = _distance_to_neighbour(np.concatenate([a, b], 1), k)
    # A point is among those that are near to it, which makes n_x + 1 of n_x.
    n_x, n_y = (_count_within(_build_tree(side), side, radius) for side in (a, b))
    return torch.from_numpy(digamma(k) + digamma(len(a)) - digamma(n_x) - digamma(n_y))


def _to_numpy(x: Tensor) -> np.ndarray:
    return x.detach().double().cpu().numpy()


def _build_tree(points: np.ndarray) -> "KDTree":
    from scipy.spatial import KDTree

    return KDTree(points)


def _distance_to_neighbour(points: np.ndarray, k: int) -> np.ndarray:
    """The distance [n] of each point to its k-th neighbour."""
    return _build_tree(points).query(points, k + 1, p=np.inf)[0][:, k]


def _count_within(tree: "KDTree", points: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """How many points of the tree lie nearer than the radius [n], int64 [n]; those of the tree count themselves."""
    below = np.nextafter(radius, -1)
    return np.maximum(tree.query_ball_point(points, below, p=np.inf, return_length=True), 1)
