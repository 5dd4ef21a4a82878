"""Database containers whose first process is davit."""

import pytest

from support.wrapped import Wrapped


@pytest.fixture
def wrapped(engine, binary):
    """wrapped(options=[…], arguments=[…], **OFFICIAL or HA) → a Wrapped, which may not run yet."""
    made = []

    def make(**more):
        made.append(Wrapped(engine, binary, **more))
        return made[-1]

    yield make
    for each in made:
        each.destroy()
