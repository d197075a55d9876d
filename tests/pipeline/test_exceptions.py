import inspect

from pipeline import exceptions
from pipeline.exceptions import GoodpartsError

ERRORS = [kind for _, kind in inspect.getmembers(exceptions, inspect.isclass)]


def test_one_except_catches_every_error() -> None:
    assert len(ERRORS) == 6
    assert all(issubclass(kind, GoodpartsError) for kind in ERRORS)


def test_the_tree_in_the_docstring_names_every_error() -> None:
    assert exceptions.__doc__
    assert all(kind.__name__ in exceptions.__doc__ for kind in ERRORS)


def test_no_bad_image_ends_a_run_as_wrong_use() -> None:
    assert not issubclass(exceptions.ImageError, (exceptions.UsageError, OSError, ValueError))
