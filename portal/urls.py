from django.contrib import admin
from django.urls import include, path

from portal import pages

urlpatterns = [
    path("", pages.home, name="home"),
    path("healthz", pages.healthz, name="healthz"),
    path("accounts/", include("allauth.urls")),
    path("", include("organizations.urls")),
    path("", include("integrations.urls")),
    path("administration/", include("integrations.administration_urls")),
    path("administration/", include("meetings.host_urls")),
    path("meetings/", include("meetings.urls")),
    path("contacts/", include("contacts.urls")),
    path("phone/", include("phone.urls")),
    path("administration/", include("phone.administration_urls")),
    path("support/", admin.site.urls),
]
handler400 = "portal.pages.bad_request"
handler403 = "portal.pages.forbidden"
handler404 = "portal.pages.not_found"
handler500 = "portal.pages.server_error"
