"""What people are told about Exchange: each sentence says what happened and who must act."""

from dataclasses import dataclass

from integrations.providers.http import Words


@dataclass(frozen=True, slots=True)
class EwsWords(Words):
    """Sentences about the service that is asked by EWS. `is_online`: Microsoft's cloud, which wants OAuth 2.0."""

    is_online: bool = False

    @property
    def _by_oauth(self) -> str:
        return f" Connect {self.name} with OAuth 2.0 instead." if self.is_online else ""

    @property
    def wrong_password(self) -> str:
        if self.is_online:
            return (
                f"{self.name} does not accept this user name and password. Microsoft has ended nearly all sign-ins by "
                f"password.{self._by_oauth}"
            )
        return f"{self.name} does not accept this user name and password."

    @property
    def changed_password(self) -> str:
        return (
            f"{self.name} no longer accepts your password. If you have changed it, reconnect with the new one."
            f"{self._by_oauth}"
        )

    @property
    def locked(self) -> str:
        return (
            "Your account is locked at your organization. Wait until it is unlocked, or ask your administrator. "
            "Then reconnect."
        )

    @property
    def expired(self) -> str:
        return "Your password has expired. Change it at your organization, then reconnect with the new one."

    @property
    def disabled(self) -> str:
        return "Your account is switched off at your organization. Ask your administrator."

    @property
    def switched_off(self) -> str:
        if self.is_online:
            return f"Microsoft or your organization has switched Exchange Web Services off.{self._by_oauth}"
        return (
            "Exchange Web Services are switched off for your mailbox, or for programs like Portico. "
            "An administrator of your organization can switch them on."
        )

    @property
    def no_password_sign_in(self) -> str:
        if self.is_online:
            return f"{self.name} takes no sign-in with a password any more.{self._by_oauth}"
        return (
            f"This {self.name} server takes no sign-in with a user name and password. An administrator of your "
            "organization can allow NTLM or Basic for Exchange Web Services. If your mailbox is in Microsoft 365, "
            "connect Office 365 with OAuth 2.0 instead."
        )

    @property
    def unprotected(self) -> str:
        return (
            "This server would take your password unprotected, so Portico did not send it. "
            "Use its address that begins with https://."
        )

    @property
    def no_mailbox(self) -> str:
        if self.is_online:
            return (
                f"This account has no mailbox in {self.name}. If your mailbox is on a server of your organization, "
                "connect Exchange instead."
            )
        return (
            f"This account has no mailbox on this {self.name} server. If it was moved to Microsoft 365, "
            "connect Office 365 instead."
        )

    @property
    def no_folders(self) -> str:
        return f"{self.name} let you in, but this account has no calendar or no contacts. Ask your administrator."

    @property
    def too_old(self) -> str:
        return "This server is older than Exchange 2010, which Portico cannot talk to. Ask your administrator."

    @property
    def not_exchange(self) -> str:
        return (
            "There are no Exchange Web Services at this address. It usually looks like "
            "https://mail.example.com/EWS/Exchange.asmx: ask your administrator for yours."
        )

    @property
    def redirected(self) -> str:
        return (
            "The server at this address sends Portico on to another address, which Portico does not follow. "
            "Ask your administrator for the address of Exchange Web Services itself."
        )

    @property
    def not_trusted(self) -> str:
        return (
            f"The certificate of this {self.name} server is not trusted, so Portico sent nothing. Tell your "
            "administrator: the operator of Portico can name its authority (OUTBOUND_CA_BUNDLE)."
        )

    @property
    def wrong_name(self) -> str:
        return (
            f"The certificate of this {self.name} server is for another name than the one in the address, or out of "
            "date, so Portico sent nothing. Check the address, or tell your administrator."
        )

    @property
    def who(self) -> str:
        return (
            f"{self.name} did not say which e-mail address belongs to this account. "
            "Type your e-mail address as the user name."
        )

    @property
    def crossing(self) -> str:
        return (
            f"{self.name} does not let one meeting of a series reach the one before or after it. Choose a time between "
            "those two."
        )

    @property
    def odd_time(self) -> str:
        return f"{self.name} does not accept this time. Check when it starts and ends, and its time zone."

    @property
    def odd_series(self) -> str:
        return f"{self.name} does not accept how this is repeated. Check the days, and when the series ends."

    @property
    def no_series(self) -> str:
        return "This is no series any more, so there is nothing to end."

    @property
    def empty_series(self) -> str:
        return "Nothing would be left of this series. Delete it instead."

    @property
    def one_of_many(self) -> str:
        return "One meeting of a series does not repeat by itself. Change the whole series."

    @property
    def long_title(self) -> str:
        return f"{self.name} takes titles of 255 characters at most. Shorten it."

    @property
    def read_only(self) -> str:
        return f"{self.name} lets you read this calendar, but not change it."

    @property
    def read_only_contacts(self) -> str:
        return f"{self.name} lets you read the contacts in this folder, but not change them. Choose another folder."

    @property
    def many_emails(self) -> str:
        return f"{self.name} keeps three e-mail addresses of a contact. Leave some out."

    @property
    def cannot_move(self) -> str:
        return (
            "This series is repeated in a way that Portico cannot move to another day. Move it in Outlook, or change "
            "one meeting of it at a time."
        )

    @property
    def odd_people(self) -> str:
        return f"{self.name} does not accept one of the invitees' addresses, or so many of them. Check them."

    @property
    def no_room(self) -> str:
        return f"{self.name} has no room for this in your mailbox. Shorten it, or make room, and try again."

    @property
    def not_theirs(self) -> str:
        return (
            f"{self.name} does not let you change this: it is in a calendar, or from an organizer, with other rights."
        )

    @property
    def not_taken(self) -> str:
        return f"{self.name} does not accept this change. Change what you entered, or do it in Outlook."
