"""What Exchange's response codes and HTTP's statuses stand for: our errors, and the sentences that go with them. Pure.

Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/responsecode
"""

from integrations.errors import (
    AdminNeeded,
    Conflict,
    CursorExpired,
    Gone,
    ProviderError,
    RateLimited,
    ReconnectNeeded,
    Rejected,
    Unexpected,
    Unreachable,
)


class TooMuch(Unexpected):
    """More than the server lists, or we read, in one answer: ask for less at a time."""


class WrongVersion(Unexpected):
    """The server does not know the version that the request was made for."""


# Each entry: the class, the sentence's name in EwsWords, the codes.
CODES: dict[str, tuple[type[ProviderError], str]] = {
    code: (kind, sentence)
    for kind, sentence, codes in (
        (CursorExpired, "read_again", "ErrorInvalidSyncStateData ErrorSyncFolderNotFound"),
        (ReconnectNeeded, "expired", "ErrorPasswordExpired ErrorPasswordChangeRequired"),
        (
            ReconnectNeeded,
            "no_mailbox",
            "ErrorMissingEmailAddress ErrorNonExistentMailbox ErrorNoPrimarySmtpAddress "
            "ErrorNoRespondingCASInDestinationSite ErrorMailboxConfiguration ErrorWrongServerVersion",
        ),
        (AdminNeeded, "disabled", "ErrorAccountDisabled ErrorCallerIsInvalidADAccount"),
        (AdminNeeded, "switched_off", "ErrorAccessDenied ErrorUserNotAllowedByPolicy ErrorServiceDisabled"),
        (
            RateLimited,
            "slow_down",
            "ErrorServerBusy ErrorTooManyObjectsOpened ErrorExceededConnectionCount ErrorRequestRateLimited",
        ),
        (
            Unreachable,
            "unreachable",
            "ErrorInternalServerTransientError ErrorInternalServerError ErrorMailboxMoveInProgress "
            "ErrorMailboxStoreUnavailable ErrorMailboxFailover ErrorTimeoutExpired ErrorADUnavailable ErrorADOperation "
            "ErrorInsufficientResources ErrorConnectionFailed ErrorConnectionFailedTransientError ErrorRequestAborted "
            "ErrorProxyCallFailed ErrorProxyRequestProcessingFailed ErrorProxyTokenExpired ErrorBatchProcessingStopped "
            "ErrorLogonAsNetworkServiceFailed ErrorMessageTrackingTransientError",
        ),
        (
            TooMuch,
            "not_understood",
            "ErrorExceededFindCountLimit ErrorCalendarViewRangeTooBig ErrorDataSizeLimitExceeded",
        ),
        (
            WrongVersion,
            "not_understood",
            "ErrorInvalidServerVersion ErrorIncorrectSchemaVersion ErrorInvalidSchemaVersionForMailboxVersion",
        ),
        (
            Gone,
            "gone",
            "ErrorItemNotFound ErrorFolderNotFound ErrorCannotDeleteObject ErrorParentFolderNotFound "
            "ErrorSavedItemFolderNotFound ErrorCalendarOccurrenceIsDeletedFromRecurrence "
            "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange ErrorCalendarCannotUpdateDeletedItem",
        ),
        (Conflict, "changed", "ErrorIrresolvableConflict ErrorStaleObject ErrorChangeKeyRequired"),
        (Rejected, "crossing", "ErrorOccurrenceCrossingBoundary ErrorOccurrenceTimeSpanTooBig"),
        (
            Rejected,
            "odd_time",
            "ErrorCalendarEndDateIsEarlierThanStartDate ErrorCalendarDurationIsTooLong ErrorCalendarOutOfRange "
            "ErrorCalendarInvalidTimeZone ErrorTimeZone",
        ),
        (
            Rejected,
            "odd_series",
            "ErrorCalendarInvalidRecurrence ErrorRecurrenceHasNoOccurrence ErrorRecurrenceEndDateTooBig "
            "ErrorCalendarInvalidDayForTimeChangePattern ErrorCalendarInvalidDayForWeeklyRecurrence "
            "ErrorUnsupportedRecurrence",
        ),
        (
            Rejected,
            "odd_people",
            "ErrorInvalidRecipients ErrorInvalidSmtpAddress ErrorMissingRecipients ErrorMailRecipientNotFound "
            "ErrorRecipientNotFound ErrorExceededMaxRecipientLimit ErrorExceededMaxRecipientLimitBlock "
            "ErrorExceededMaxRecipientLimitShowTierUpgrade",
        ),
        (Rejected, "no_room", "ErrorQuotaExceeded ErrorMessageSizeExceeded ErrorSubmissionQuotaExceeded"),
        (Rejected, "not_theirs", "ErrorCalendarIsNotOrganizer"),
        (
            Rejected,
            "not_taken",
            "ErrorCalendarInvalidAttributeValue ErrorCalendarInvalidPropertyState ErrorCalendarInvalidPropertyValue "
            "ErrorCannotCreateCalendarItemInNonCalendarFolder ErrorCannotCreateContactInNonContactFolder "
            "ErrorInvalidPropertySet ErrorInvalidPropertyDelete "
            "ErrorInvalidPropertyForOperation ErrorInvalidValueForProperty ErrorItemSave ErrorItemSavePropertyError "
            "ErrorPropertyUpdate ErrorPropertyValidationFailure",
        ),
    )
    for code in codes.split()
}
# What a sync state, or the id of the folder that it is about, is answered with once the server cannot use it any more.
DEAD_CURSOR = frozenset(
    {
        "ErrorItemNotFound",
        "ErrorFolderNotFound",
        "ErrorInvalidFolderId",
        "ErrorInvalidId",
        "ErrorInvalidIdEmpty",
        "ErrorInvalidIdMalformed",
        "ErrorInvalidIdMonikerTooLong",
        "ErrorInvalidIdStoreObjectIdTooLong",
        "ErrorInvalidIdTooManyAttachmentLevels",
        "ErrorInvalidIdXml",
        "ErrorInvalidRequest",
        "ErrorSchemaValidation",
    }
)
# What an id is answered with that is none, or another service's.
BAD_IDS = frozenset(code for code in DEAD_CURSOR if code.startswith("ErrorInvalidId"))
STATUSES: dict[int, tuple[type[ProviderError], str]] = {
    401: (ReconnectNeeded, "wrong_password"),
    403: (AdminNeeded, "switched_off"),
    404: (Unexpected, "not_exchange"),
    405: (Unexpected, "not_exchange"),
    408: (Unreachable, "unreachable"),
    413: (TooMuch, "not_understood"),
    429: (RateLimited, "slow_down"),
    440: (Unexpected, "not_exchange"),
    451: (ReconnectNeeded, "no_mailbox"),
    # Microsoft's own: https://github.com/OfficeDev/ews-managed-api (AccountIsLockedException).
    456: (ReconnectNeeded, "locked"),
    457: (ReconnectNeeded, "expired"),
}
