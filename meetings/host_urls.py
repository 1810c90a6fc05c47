"""The admins' page of the meeting host, below /administration/."""

from django.urls import path

from meetings import host_views as views

app_name = "hosting"
urlpatterns = [
    path("meeting-host/", views.host, name="host"),
    path("meeting-host/example/", views.example, name="example"),
    path("meeting-host/trials/", views.trial_create, name="trial_create"),
]
