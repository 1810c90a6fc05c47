"""What both steps of carrying out a write have to know: what is wanted no more, and what has been asked for before."""

from meetings.models import ScheduledMeeting, Write
from meetings.scheduling_models import WriteAction


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
