"""The servers that the pretend Exchange can be: their builds, and the schema versions that each accepts."""

from __future__ import annotations

from dataclasses import dataclass

SCHEMAS = (
    "Exchange2007", "Exchange2007_SP1", "Exchange2010", "Exchange2010_SP1", "Exchange2010_SP2", "Exchange2013",
    "Exchange2013_SP1", "Exchange2015", "Exchange2016",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Version:
    """A server. schema: the newest value of RequestServerVersion it accepts; label: how it names its own schema.

    Servers since 2013 call their schema V2_23 and the like, which is no value a request may carry.
    """

    name: str
    build: tuple[int, int, int, int]
    schema: str
    label: str

    def accepts(self, schema: str) -> bool:
        return schema in SCHEMAS and SCHEMAS.index(schema) <= SCHEMAS.index(self.schema)

    @property
    def is_modern(self) -> bool:
        """2016 and later."""
        return self.build[:2] >= (15, 1)


# Reference: https://learn.microsoft.com/exchange/new-features/build-numbers-and-release-dates
VERSIONS = {
    version.name: version
    for version in (
        Version("2010_SP2", (14, 2, 390, 3), "Exchange2010_SP2", "Exchange2010_SP2"),
        Version("2013_SP1", (15, 0, 847, 32), "Exchange2013_SP1", "V2_8"),
        Version("2016", (15, 1, 2507, 61), "Exchange2016", "V2017_07_11"),
        Version("2019", (15, 2, 1748, 39), "Exchange2016", "V2017_07_11"),
        Version("SE", (15, 2, 2562, 17), "Exchange2016", "V2017_07_11"),
        Version("online", (15, 20, 9412, 11), "Exchange2016", "V2018_01_08"),
    )
}
