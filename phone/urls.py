from django.urls import path

from phone import attempt_views

app_name = "phone"
urlpatterns = [
    path("attempts/", attempt_views.attempt_new, name="attempt"),
]
