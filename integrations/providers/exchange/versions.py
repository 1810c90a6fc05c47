"""Versions of Exchange: how a server's own words and the person's choice become what requests name. Pure."""

from dataclasses import dataclass

from integrations.providers.exchange.responses import TYPES, Element


@dataclass(frozen=True, slots=True)
class Version:
    """`key` is what we store; `schema` is what requests name."""

    key: str
    name: str
    schema: str
    build: tuple[int, int, int]
    """The first that is this version."""

    @property
    def is_2013(self) -> bool:
        return self.build >= (15, 0, 0)


# Reference: https://learn.microsoft.com/en-us/exchange/new-features/build-numbers-and-release-dates
VERSIONS = (
    Version("online", "Exchange Online", "Exchange2016", (15, 20, 0)),
    Version("SE", "Exchange Server Subscription Edition", "Exchange2016", (15, 2, 2562)),
    Version("2019", "Exchange 2019", "Exchange2016", (15, 2, 0)),
    Version("2016", "Exchange 2016", "Exchange2016", (15, 1, 0)),
    Version("2013_SP1", "Exchange 2013 SP1", "Exchange2013_SP1", (15, 0, 847)),
    Version("2013", "Exchange 2013", "Exchange2013", (15, 0, 0)),
    Version("2010_SP2", "Exchange 2010 SP2", "Exchange2010_SP2", (14, 2, 0)),
    Version("2010_SP1", "Exchange 2010 SP1", "Exchange2010_SP1", (14, 1, 0)),
    Version("2010", "Exchange 2010", "Exchange2010", (14, 0, 0)),
)
"""The newest first."""
UNSURE = "2010_SP2"
"""What to ask for where the version is not known: every server that is still about knows it, and says what it is."""


def find_version(key: str) -> Version:
    return next((one for one in VERSIONS if one.key == key), VERSIONS[[one.key for one in VERSIONS].index(UNSURE)])


def parse_version(header: Element | None) -> Version | None:
    """What the server says that it is; None where it does not, or is older than all of these."""
    info = header.find(f"{TYPES}ServerVersionInfo") if header is not None else None
    if info is None:
        return None
    try:
        build = tuple(int(info.get(name, "")) for name in ("MajorVersion", "MinorVersion", "MajorBuildNumber"))
    except ValueError:
        return None
    return next((one for one in VERSIONS if build >= one.build), None)
