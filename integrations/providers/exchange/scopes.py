"""Exchange's scopes and our permissions: there are none. A password opens all of a mailbox.

What is not ticked, Portico does not do: integrations/gateway.py sees to that, because the server cannot.
"""

from integrations.permissions import Permission

SCOPES: dict[Permission, tuple[str, ...]] = {}
