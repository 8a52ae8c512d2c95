"""Which members are judged, where not all are (pure)."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from ..config.fleet import Sample

#: Seeds that are drawn are below this: short enough to be typed.
_SEEDS = 1_000_000


def drawn(sample: Sample) -> Sample:
    """Return a sample with a seed, drawn if nobody gave one."""
    if not sample.random or sample.seed is not None:
        return sample
    seed = random.SystemRandom().randrange(_SEEDS)
    return Sample(largest=sample.largest, random=sample.random, seed=seed)


def chosen(names: Sequence[str], sample: Sample, sizes: Mapping[str, int]) -> tuple[str, ...]:
    """Return the names that a sample takes, in the order in which they came.

    The same names, sizes and seed give the same choice, in whatever order the names come.

    :param sizes: bytes by name; a name whose size is not known is none of the largest.
    """
    ordered = sorted(names)
    largest = sorted((name for name in ordered if name in sizes), key=lambda name: -sizes[name])[: sample.largest]
    rest = [name for name in ordered if name not in set(largest)]
    # Repeated from a seed that is told, it guards nothing.
    taken = random.Random(sample.seed).sample(rest, min(sample.random, len(rest)))  # noqa: S311
    wanted = {*largest, *taken}
    return tuple(name for name in names if name in wanted)
