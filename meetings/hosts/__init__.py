"""The meeting hosts: zoom, link, and memory for tests. `settings.HOSTS` names those that admins may choose."""
