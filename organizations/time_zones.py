"""Time zones as people choose them, and the countries they stand for."""

from functools import lru_cache
from importlib import resources
from zoneinfo import available_timezones

REGIONS = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


@lru_cache(maxsize=1)
def list_zones() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every zone with a place in its name, by region, as grouped choices; UTC first."""
    groups: dict[str, list[tuple[str, str]]] = {region: [] for region in REGIONS}
    for name in sorted(available_timezones()):
        region, _, place = name.partition("/")
        if place and region in groups:
            groups[region].append((name, place.replace("_", " ").replace("/", ", ")))
    return [("Everywhere", [("UTC", "UTC")]), *groups.items()]


@lru_cache(maxsize=1)
def read_regions() -> dict[str, str]:
    """{"Europe/Berlin": "DE", …} from the time zone database; the first country of a shared zone."""
    regions: dict[str, str] = {}
    for line in resources.files("tzdata").joinpath("zoneinfo/zone.tab").read_text().splitlines():
        if line and not line.startswith("#"):
            country, _, name = line.split("\t")[:3]
            regions.setdefault(name, country)
    return regions


@lru_cache(maxsize=1)
def list_countries() -> list[tuple[str, str]]:
    """[("DE", "Germany"), …] by name."""
    countries = []
    for line in resources.files("tzdata").joinpath("zoneinfo/iso3166.tab").read_text().splitlines():
        if line and not line.startswith("#"):
            code, name = line.split("\t")
            countries.append((code, name))
    return sorted(countries, key=lambda one: one[1])


def find_region(zone: str) -> str:
    """The country (two letters) a time zone lies in, "" where it lies in none."""
    return read_regions().get(zone, "")
