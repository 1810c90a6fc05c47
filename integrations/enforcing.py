"""Carrying out what a change of policy means for connections that are there."""

from uuid import UUID


def run(change_id: UUID | str) -> None:
    """Take a change a step further: announce what is to come, or do what is due."""
