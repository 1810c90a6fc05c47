"""Series whose occurrences a listing shows as stubs."""

from collections import OrderedDict
from collections.abc import Callable

from integrations.remote import RemoteEvent

_MOST_MASTERS = 64


class Masters:
    """Masters of series by id: those listed, and those asked for once. The few used last are kept."""

    def __init__(self, fetch: Callable[[str], RemoteEvent | None]) -> None:
        self._fetch = fetch
        self._known: OrderedDict[str, RemoteEvent | None] = OrderedDict()

    def add(self, master: RemoteEvent) -> None:
        self._keep(master.ref.id, master)

    def find(self, series: str) -> RemoteEvent | None:
        """Raises ProviderError."""
        if series in self._known:
            self._known.move_to_end(series)
            return self._known[series]
        return self._keep(series, self._fetch(series))

    def _keep(self, series: str, master: RemoteEvent | None) -> RemoteEvent | None:
        self._known[series] = master
        self._known.move_to_end(series)
        if len(self._known) > _MOST_MASTERS:
            self._known.popitem(last=False)
        return master
