"""Which mails a person gets: chosen on a page of their own, or stopped by the link in a mail."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from organizations import mailing
from organizations.requests import SignedInRequest

show_or_save = require_http_methods(["GET", "HEAD", "POST"])


@show_or_save
def choices(request: SignedInRequest) -> HttpResponse:
    if request.method == "POST":
        mailing.choose(request.user, request.POST.getlist("wanted"))
        messages.success(request, "Your choice of mails is saved.")
        return redirect("organizations:mail")
    unwanted = mailing.list_unwanted(request.user)
    rows = [(mail, mail.is_essential or mail.kind not in unwanted) for mail in mailing.list_mails()]
    return render(request, "organizations/mail.html", {"rows": rows})


# Without a CSRF token: mail programs post here by themselves (RFC 8058), and the link is the whole authority.
@csrf_exempt
@login_not_required
@show_or_save
def stop(request: HttpRequest, token: str) -> HttpResponse:
    """What the link in a mail leads to. Looking changes nothing: mail scanners follow every link."""
    try:
        person, mail = mailing.read_link(token)
    except mailing.WrongLink as wrong:
        return render(request, "organizations/mail_stop.html", {"problem": str(wrong)}, status=404)
    if request.method == "POST":
        mailing.stop(mail, person)
    words = {"mail": mail, "is_stopped": mail.kind in mailing.list_unwanted(person), "address": mask(person.email)}
    return render(request, "organizations/mail_stop.html", words)


def mask(address: str) -> str:
    """ "a…@northwind.example": enough for whose link it is, for whoever a mail was passed on to."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}"
