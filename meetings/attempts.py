"""What both steps of carrying out a write have to know: how it may stop, and what has been asked for before."""

from integrations.remote import EventDraft
from meetings.models import ScheduledMeeting, Write
from meetings.scheduling_models import WriteAction


class Busy(Exception):
    """Somebody else is at it: come back in a moment, without counting this as a try."""


class Contested(Exception):
    """What is to be changed was changed there meanwhile; `theirs` is what stands there."""

    def __init__(self, theirs: EventDraft, version: str) -> None:
        super().__init__("contested")
        self.theirs = theirs
        self.version = version


def is_overtaken(write: Write, scheduled: ScheduledMeeting) -> bool:
    """Whether what a write was to make is not wanted any more: deleted meanwhile, and perhaps made anew since."""
    if write.action != WriteAction.CREATE:
        return False
    return scheduled.deleted_at is not None or write.key not in (None, scheduled.key)


def note_asked(write: Write, where: str) -> None:
    """Before something is made: if the answer is lost, nothing else tells that it may be there."""
    if write.action == WriteAction.CREATE and not has_asked(write, where):
        write.draft_json |= {"asked": [*write.draft_json.get("asked", []), where]}
        write.save(update_fields=["draft_json"])


def has_asked(write: Write, where: str) -> bool:
    return where in write.draft_json.get("asked", [])
