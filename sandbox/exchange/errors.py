"""What can go wrong with a request: codes of Exchange's own, and the sentences it says with them."""

from __future__ import annotations

TEXTS = {
    "ErrorAccessDenied": "Access is denied. Check credentials and try again.",
    "ErrorAccountDisabled": "The account has been disabled.",
    "ErrorCalendarCannotMoveOrCopyOccurrence": "An occurrence cannot be moved or copied.",
    "ErrorCalendarCannotUseIdForOccurrenceId": "The ID is not that of a recurring master.",
    "ErrorCalendarCannotUseIdForRecurringMasterId": "The ID is not that of an occurrence.",
    "ErrorCalendarEndDateIsEarlierThanStartDate": "EndDate is earlier than StartDate.",
    "ErrorCalendarFolderIsInvalidForCalendarView": "Folder is not a calendar folder; CalendarView needs one.",
    "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange": "Occurrence index is out of recurrence range.",
    "ErrorCalendarOccurrenceIsDeletedFromRecurrence": (
        "Occurrence with this index was previously deleted from the recurrence."
    ),
    "ErrorCalendarViewRangeTooBig": "Specified view range exceeds maximum range of two years.",
    "ErrorCannotCreateCalendarItemInNonCalendarFolder": "Cannot create a calendar item in a non-calendar folder.",
    "ErrorCannotCreateContactInNonContactFolder": "Cannot create a contact in a non-contact Folder.",
    "ErrorCannotUseFolderIdForItemId": "Id must be an item ID and not a folder ID.",
    "ErrorCannotUseItemIdForFolderId": "Id must be a folder ID and not an item ID.",
    "ErrorChangeKeyRequiredForWriteOperations": "The change key is required for this operation.",
    "ErrorCreateItemAccessDenied": "Access is denied. Items of this kind are not created here.",
    "ErrorDeleteDistinguishedFolder": "Distinguished folders cannot be deleted.",
    "ErrorExceededFindCountLimit": (
        "You have exceeded the maximum number of objects that can be returned for the find operation. Use paging to"
        " reduce the result size and try your request again."
    ),
    "ErrorFolderExists": "A folder with the specified name already exists.",
    "ErrorFolderNotFound": "The specified folder could not be found in the store.",
    "ErrorImpersonateUserDenied": "The account does not have permission to impersonate the requested user.",
    "ErrorInternalServerError": "An internal server error occurred. The operation failed.",
    "ErrorInvalidArgument": "An argument is invalid.",
    "ErrorInvalidChangeKey": "The change key is invalid.",
    "ErrorInvalidIdMalformed": "Id is malformed.",
    "ErrorInvalidOperation": "The operation is not supported here.",
    "ErrorInvalidPropertyAppend": "Append action is invalid for property.",
    "ErrorInvalidPropertyDelete": "Delete action is invalid for property.",
    "ErrorInvalidPropertyRequest": "Property is not valid for this object type.",
    "ErrorInvalidPropertySet": "Set action is invalid for property.",
    "ErrorInvalidRecipients": "At least one recipient is not valid.",
    "ErrorInvalidRequest": "The request is invalid.",
    "ErrorInvalidServerVersion": "The specified server version is invalid.",
    "ErrorInvalidSyncStateData": "Synchronization state data is corrupt or otherwise invalid.",
    "ErrorIrresolvableConflict": (
        "The send or save operation could not be performed because the change key passed in the request does not match"
        " the current change key for the item."
    ),
    "ErrorItemNotFound": "The specified object was not found in the store.",
    "ErrorItemSavePropertyError": "Some properties of the item cannot be saved.",
    "ErrorMailboxMoveInProgress": "Mailbox move in progress. Try again later.",
    "ErrorMailboxStoreUnavailable": "The mailbox database is temporarily unavailable.",
    "ErrorMissingEmailAddress": (
        "When making a request as an account that does not have a mailbox, you must specify the mailbox primary SMTP"
        " address for any distinguished folder Ids."
    ),
    "ErrorMoveCopyFailed": "Move or copy operation failed.",
    "ErrorNameResolutionMultipleResults": "Multiple results were found.",
    "ErrorNameResolutionNoResults": "No results were found.",
    "ErrorNonExistentMailbox": "The SMTP address has no mailbox associated with it.",
    "ErrorParentFolderNotFound": "The parent folder could not be found.",
    "ErrorPasswordExpired": "The password for the account has expired.",
    "ErrorRecurrenceHasNoOccurrence": "The specified recurrence has no occurrence.",
    "ErrorSendMeetingCancellationsRequired": "SendMeetingCancellations attribute is required for Calendar items.",
    "ErrorSendMeetingInvitationsOrCancellationsRequired": (
        "SendMeetingInvitationsOrCancellations attribute is required for Calendar items."
    ),
    "ErrorSendMeetingInvitationsRequired": "SendMeetingInvitations attribute is required for Calendar items.",
    "ErrorServerBusy": "The server cannot service this request right now. Try again later.",
    "ErrorSyncFolderNotFound": "The folder to synchronize could not be found.",
    "ErrorToFolderNotFound": "The destination folder could not be found.",
    "ErrorTimeZone": "The specified time zone is not valid.",
    "ErrorUnsupportedPathForQuery": "The specified property is not supported in a restriction or sort order.",
}


class EwsError(Exception):
    """One item of a request that fails: `ResponseClass="Error"`. xml: what goes into MessageXml, already rendered."""

    def __init__(self, code: str, text: str = "", xml: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.text = text or TEXTS.get(code, "The operation failed.")
        self.xml = xml


class SoapFault(Exception):
    """The whole request fails: HTTP 500 and a SOAP fault. xml as in EwsError; faultcode where it is not the code."""

    def __init__(self, code: str, text: str = "", xml: str = "", *, faultcode: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.text = text or TEXTS.get(code, "The operation failed.")
        self.xml = xml
        self.faultcode = faultcode or code
