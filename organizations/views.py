"""People, groups, invitations and each person's own settings."""

THEME_COOKIE = "portico-theme"
