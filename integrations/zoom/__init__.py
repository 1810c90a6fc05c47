"""Zoom's REST API, asked by an app of the organization's own Zoom account. Knows no model and no setting."""
