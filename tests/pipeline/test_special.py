import sys

import pytest

from pipeline.exceptions import UsageError
from pipeline.special import special


def test_the_functions_are_scipys() -> None:
    assert float(special().betaincinv(1, 299, 0.95)) == pytest.approx(1 - 0.05 ** (1 / 299))


def test_without_scipy_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(UsageError, match=r'pip install "goodparts\[report\]"'):
        special.__wrapped__()
