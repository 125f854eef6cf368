"""All mutants by name, and how one is chosen."""

from __future__ import annotations

from reference_gcs.mutants import (
    acknowledging,
    actor_names,
    actors,
    drains,
    groups,
    identity,
    jobs,
    loading,
    messages,
    nodes,
    rarely,
    recovering,
    requests,
    storing,
)
from reference_gcs.mutants.registry import MUTANTS, Mutant

# Imported for the mutants that they enter into the registry.
SUBJECTS = (
    acknowledging, actor_names, actors, drains, groups, identity, jobs, loading, messages, nodes, rarely, recovering, requests,
    storing,
)  # fmt: skip

__all__ = ["MUTANTS", "SUBJECTS", "Mutant", "UnknownMutant", "named"]


class UnknownMutant(ValueError):
    """A name that no mutant has; the message says which there are."""


def named(name: str) -> Mutant:
    """The mutant ``name``; :class:`UnknownMutant` for any other."""
    if name not in MUTANTS:
        raise UnknownMutant(f"there is no mutant {name!r}; there are {', '.join(MUTANTS)}")
    return MUTANTS[name]
