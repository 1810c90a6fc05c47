from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from organizations import second_factors
from organizations.mailing import NotSent
from organizations.models import User


class Command(BaseCommand):
    help = (
        "Remove every second factor (authenticator app, passkeys, recovery codes) of a person who lost them, and end "
        "their sessions. Make sure that it is that person who asks. It is written into the audit trail, and the person "
        "is mailed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="The address the person signs in with.")
        parser.add_argument("--reason", required=True, help="Who asked, and how you know that it was them.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email__iexact=options["email"]).first()
        if user is None:
            raise CommandError(f"Nobody signs in as {options['email']}.")
        if not options["reason"].strip():
            raise CommandError("Say in --reason who asked, and how you know that it was them.")
        kinds = second_factors.remove_all(user, reason=options["reason"].strip())
        if not kinds:
            self.stdout.write(f"{user.email} has no second factor. Nothing was changed.")
            return
        self.stdout.write(f"Removed from {user.email}: {', '.join(kinds)}. They are signed out everywhere.")
        try:
            second_factors.tell_removed(user, kinds)
        except NotSent:
            self.stderr.write(f"The mail to {user.email} could not be sent: tell them yourself.")
