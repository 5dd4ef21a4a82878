"""The short version of `scripts/dev soak`: each kind of kill once, and some restores."""

from support.soak import KINDS, Soak


def test_whatever_is_killed_everything_runs_again(engine):
    with Soak(engine, seed=4) as soak:
        soak.go(backups=7, restores=3)
        assert soak.finish(), "\n".join(soak.broken)
    assert set(soak.kills) == set(KINDS)
