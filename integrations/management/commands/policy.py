"""An organization's policy as a file: written, reviewed in version control, and applied."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations import policy_files
from integrations.forecasting import FIRST, Forecast
from integrations.levels import MOST_GRACE_DAYS
from integrations.permissions import Permission
from integrations.policy_files import Plan, Refused
from integrations.policy_text import Unreadable
from integrations.verdicts import Outcome
from integrations.wording import service_name
from organizations.models import Organization, User

WORDS = {
    Outcome.DISCONNECTED: "disconnected",
    Outcome.NARROWED: "would lose permissions",
    Outcome.HELD_BACK: "held back: kept, and not used until policy allows it again",
    Outcome.TO_GRANT: "asked to grant more",
    Outcome.UNAFFECTED: "unaffected",
}


class Command(BaseCommand):
    help = (
        "`policy export` writes what an organization's admins have decided as YAML. `policy apply` makes a file the "
        "organization's policy, all of it or nothing; with --dry-run it says what would change and whom it would hit."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="export|apply")
        export = acts.add_parser("export", help="Write the policy to a file, or to standard output.")
        export.add_argument("--organization", required=True, help="Its name, letter by letter.")
        export.add_argument("--output", help="The file. Without it: standard output.")
        apply = acts.add_parser("apply", help="Make a file the organization's policy.")
        apply.add_argument("file", help="The file, or - for standard input.")
        apply.add_argument("--organization", required=True, help="Its name, letter by letter.")
        apply.add_argument(
            "--dry-run", action="store_true", help="Say what would change and whom it hits; change nothing."
        )
        apply.add_argument("--all", action="store_true", help=f"Name everybody, not the first {FIRST} of each kind.")
        when = apply.add_mutually_exclusive_group()
        when.add_argument(
            "--grace-days",
            type=int,
            metavar="N",
            help="How long connections that break a lock go on. Without it: as the policy itself says.",
        )
        when.add_argument("--at-once", action="store_true", help="No grace period.")
        apply.add_argument("--by", metavar="EMAIL", help="The admin in whose name. Without it: the server's console.")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = find_organization(options["organization"])
        if options["act"] == "export":
            self.export(organization, options["output"])
        else:
            self.apply(organization, options)

    def export(self, organization: Organization, output: str | None) -> None:
        text = policy_files.export(organization)
        if not output:
            self.stdout.write(text, ending="")
            return
        try:
            Path(output).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from None
        self.stdout.write(f"The policy of {organization.name} is in {output}.")

    def apply(self, organization: Organization, options: dict[str, Any]) -> None:
        by = find_admin(organization, options["by"]) if options["by"] else None
        try:
            plan = policy_files.make_plan(organization, read(options["file"]))
        except Unreadable as error:
            raise CommandError(f"{options['file']} cannot be applied. Nothing was changed.\n{error}") from None
        if not plan.changes_any:
            self.stdout.write(f"{organization.name} has just this policy. Nothing to change.")
            return
        days = choose_days(plan, options)
        self.show(plan, days, names_all=options["all"])
        try:
            if options["dry_run"]:
                policy_files.try_out(plan, grace_days=days)
            else:
                policy_files.apply(plan, by=by, grace_days=days, file_name=Path(options["file"]).name)
        except Refused as refused:
            raise CommandError(f"Refused. Nothing was changed.\n{refused}") from None
        if options["dry_run"]:
            self.stdout.write("\nA dry run: nothing was changed.")
        else:
            self.stdout.write("\nApplied. The workers carry it out; how far they are stands on the policy's pages.")

    def show(self, plan: Plan, days: int, *, names_all: bool) -> None:
        self.stdout.write("Changes")
        if plan.moves_groups:
            self.stdout.write(f"  Order of groups: {', '.join(one.name for one in plan.order)} (at once)")
        for step in plan.steps:
            left_out = "" if step.section else " (not in the file: says nothing any more)"
            self.stdout.write(f"  {step.label}{left_out}")
            for one in step.differences:
                self.stdout.write(f"    {one.label}: {one.before} -> {one.after}")
        preview = plan.preview
        when = f"after a grace period of {days} day{'' if days == 1 else 's'}" if days else "at once"
        self.stdout.write(f"\nConnections, {when}")
        for outcome, count in preview.counts.items():
            self.stdout.write(f"  {count} {WORDS[outcome]}")
            if outcome is not Outcome.UNAFFECTED and count:
                self.name(plan, outcome, count, names_all=names_all)
        self.stdout.write(f"  {preview.not_connected} of {preview.total_members} members have no connection")

    def name(self, plan: Plan, outcome: Outcome, count: int, *, names_all: bool) -> None:
        rows = plan.preview.rows(outcome) if names_all else iter(plan.preview.first(outcome))
        for one in rows:
            self.stdout.write(f"    {say(one)}")
        if not names_all and count > FIRST:
            self.stdout.write(f"    and {count - FIRST} more; --all names everybody")


def say(one: Forecast) -> str:
    """ "alice@example.com (Alice Meyer): Google, ends: Calendar write. Calendar write was switched off by ..." """
    name = f" ({one.person.name})" if one.person.name else ""
    parts = [
        f"{words}: {', '.join(which.label for which in Permission if which in permissions)}"
        for words, permissions in (("ends", one.verdict.ended), ("held back", one.verdict.held_back),
                                   ("to grant", one.verdict.lacking))
        if permissions
    ]  # fmt: skip
    reasons = " ".join(reason.sentence for reason in one.verdict.reasons)
    return f"{one.person.email}{name}: {', '.join([service_name(one.provider), *parts])}. {reasons}".rstrip()


def find_organization(name: str) -> Organization:
    """Raises CommandError."""
    found = list(Organization.objects.filter(name=name)[:2])
    if not found:
        raise CommandError(f"There is no organization called {name!r}.")
    if len(found) > 1:
        raise CommandError(f"There is more than one organization called {name!r}. Rename one of them first.")
    return found[0]


def find_admin(organization: Organization, email: str) -> User:
    """Raises CommandError."""
    user = User.objects.filter(email__iexact=email, is_active=True).first()
    membership = user.find_membership() if user else None
    if membership is None or not membership.is_admin or membership.organization_id != organization.pk:
        raise CommandError(f"{email} is no admin of {organization.name}.")
    return membership.user


def read(name: str) -> str:
    """Raises CommandError."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}.") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CommandError(f"{name} is not written in UTF-8.") from None


def choose_days(plan: Plan, options: dict[str, Any]) -> int:
    """Raises CommandError."""
    if options["at_once"]:
        return 0
    days = plan.grace_days if options["grace_days"] is None else options["grace_days"]
    if not 0 <= days <= MOST_GRACE_DAYS:
        raise CommandError(f"A grace period is at most {MOST_GRACE_DAYS} days.")
    return int(days)
