"""Which tests share a worker: those in front of a browser have one Portico, and those that kill processes take turns.

By where they are: xdist's own mark (`xdist_group`) changes a test's id, which pytest 9.2 does not let it do.
"""

from pathlib import PurePosixPath

from xdist.scheduler import LoadGroupScheduling


class ByPlace(LoadGroupScheduling):
    def _split_scope(self, nodeid: str) -> str:
        """The name of a test's group, or its own where it goes to whichever worker is free."""
        path = PurePosixPath(nodeid.partition("::")[0])
        if "e2e" in path.parts:
            return "e2e"
        return "killed" if path.name.startswith("test_killed") else nodeid
