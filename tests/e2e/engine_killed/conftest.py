"""An Engine that these scenarios may kill, and stacks and davit on it."""

import pytest

from support.davit import IMAGE, SCRATCH
from support.nested import NestedEngine


@pytest.fixture(scope="session")
def nested(engine):
    """An Engine of the tests' own with davit and busybox; what else is needed, a test loads."""
    nested = NestedEngine(engine, SCRATCH)
    try:
        yield nested.create(IMAGE, "busybox")
    finally:
        nested.destroy()


@pytest.fixture(autouse=True)
def nested_leftovers(request):
    """Nothing of davit's is left on the Engine of the tests either, and whoever killed it has started it again."""
    yield
    if "nested" in request.fixturenames:
        left = request.getfixturevalue("nested").ours()
        assert not any(left[kind] for kind in ("container", "volume", "network")), left
