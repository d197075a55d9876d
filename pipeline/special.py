"""scipy's special functions: only setting and proving thresholds needs them, so inspection does without the package."""

from functools import cache
from types import ModuleType

from pipeline.exceptions import UsageError


@cache
def special() -> ModuleType:
    """`scipy.special`, imported when it is first used: that takes half a second and 90 MB.

    Raises:
        UsageError: scipy is not installed.
    """
    try:
        from scipy import special as functions
    except ModuleNotFoundError as error:
        raise UsageError('statistics need the package scipy: pip install "goodparts[report]"') from error
    module: ModuleType = functions
    return module
