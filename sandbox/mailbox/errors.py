"""What a mailbox refuses, by the names Exchange gives its refusals; each face dresses them in its own way."""

from __future__ import annotations

MESSAGES = {
    "ErrorItemNotFound": "The specified object was not found in the store.",
    "ErrorFolderNotFound": "The specified folder could not be found in the store.",
    "ErrorInvalidIdMalformed": "Id is malformed.",
    "ErrorIrresolvableConflict": "The send or update operation could not be performed because the change key passed in "
    "the request does not match the current change key for the item.",
    "ErrorFolderExists": "A folder with the specified name already exists.",
    "ErrorDeleteDistinguishedFolder": "Distinguished folders cannot be deleted.",
    "ErrorCalendarEndDateIsEarlierThanStartDate": "EndDate is earlier than StartDate",
    "ErrorOccurrenceCrossingBoundary": "Modified occurrence is crossing or overlapping adjacent occurrence.",
    "ErrorCalendarIsOrganizerForAccept": "Your request can't be completed. You can't respond to this meeting because "
    "you're the meeting organizer.",
    "ErrorAccessDenied": "Access is denied. Check credentials and try again.",
    "ErrorInvalidRecipients": "At least one recipient is not valid.",
    "TimeZoneNotSupportedException": "A valid TimeZone value must be specified.",
}


class MailboxError(Exception):
    """code: one of Exchange's response codes, such as ErrorItemNotFound."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        self.message = message or MESSAGES.get(code, "The request is invalid.")
        super().__init__(f"{code}: {self.message}")


def invalid(property_name: str, message: str = "") -> MailboxError:
    """A property with a value that makes no sense."""
    return MailboxError("ErrorInvalidRequest", message or f"The value of property '{property_name}' is invalid.")
