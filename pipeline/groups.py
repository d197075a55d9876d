"""Groups of images that are alike because they were taken together: a shift, a batch, a camera, a day."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.exceptions import UsageError
from pipeline.special import special

Groups = NDArray[np.int64]


def find_groups(pattern: str, names: Sequence[str]) -> Groups:
    """Number the groups of images: (N,) numbers from 0 on, in the order in which `group_names` are met."""
    keys = group_names(pattern, names)
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], np.int64)


def group_names(pattern: str, names: Sequence[str]) -> list[str]:
    """Find the group of each image in its path.

    Args:
        pattern: regular expression that is searched in each name; its group called `group`, else its first group,
            else the whole match tells the group.
        names: (N,) relative paths with `/`.

    Raises:
        UsageError: the pattern cannot be read, or does not match a name.

    >>> group_names(r"(?P<group>[^/]+)/", ["monday/1.png", "tuesday/1.png"])
    ['monday', 'tuesday']
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"{pattern!r} is no regular expression ({error})") from error
    return [_group_name(compiled, name) for name in names]


def _group_name(pattern: re.Pattern[str], name: str) -> str:
    match = pattern.search(name)
    if not match:
        raise UsageError(f"{name}: does not match the pattern {pattern.pattern!r}; change the pattern")
    wanted = "group" if "group" in pattern.groupindex else min(1, pattern.groups)
    return str(match[wanted])


def effective_number(values: NDArray[np.float64], groups: Groups, *, confidence: float) -> float:
    """How many independent parts the members of groups are worth.

    N parts in groups are worth N / (1 + (m - 1) rho) (Kish 1965, Survey Sampling), m being the size of the group that
    a part is in on average, rho the correlation within groups: here its upper confidence limit from an analysis of
    variance of the normal scores (Searle 1971, Biometrics 27:1), so that luck with few groups buys no certainty.

    Args:
        values: (N,) what was measured on each part; only the order counts.
        groups: (N,) number of the group of each part.
        confidence: of the limit of rho, 0..1.

    Returns:
        Between the number of groups (at equal sizes) and N.

    Raises:
        UsageError: all parts are in one group.
    """
    count, sizes = len(values), np.bincount(groups)
    sizes = sizes[sizes > 0]
    if len(sizes) < 2:
        raise UsageError(f"all {count} good parts are in one group; a promise needs parts of several groups")
    if len(sizes) == count:
        return float(count)
    ordered = np.sort(values)
    ranks = (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / 2
    normal = special().ndtri(ranks / count)
    rho = _correlation_limit(normal, groups, confidence)
    return float(count / (1 + ((sizes**2).sum() / count - 1) * rho))


def _correlation_limit(values: NDArray[np.float64], groups: Groups, confidence: float) -> float:
    sizes = np.bincount(groups)
    means = np.bincount(groups, values) / np.maximum(sizes, 1)
    count, number = len(values), int((sizes > 0).sum())
    between = float((sizes * (means - values.mean()) ** 2).sum()) / (number - 1)
    within = float(((values - means[groups]) ** 2).sum()) / (count - number)
    usual_size = (count - (sizes**2).sum() / count) / (number - 1)
    ratio = between / max(within, 1e-12) / float(special().fdtri(number - 1, count - number, 1 - confidence))
    return float(np.clip((ratio - 1) / (ratio + usual_size - 1), 0.0, 1.0))
