"""Zoom Phone, asked by a server-to-server OAuth app of the organization's own Zoom account.

rows and payloads say what its documents mean, responses its refusals, audio passes on the sound of voicemail; events
reads what it posts by itself.
"""

from phone.zoom.client import ZoomPhone

__all__ = ["ZoomPhone"]
