from django.urls import path

from phone import attempt_views, door, playing_views, views

app_name = "phone"
urlpatterns = [
    path("", views.call_list, name="list"),
    path("calls/<int:pk>/removal/", views.call_remove, name="call_removal"),
    path("calls/<int:pk>/return/", views.call_restore, name="call_return"),
    path("voicemail/", views.voicemail_list, name="voicemails"),
    path("voicemail/<int:pk>/audio/", playing_views.voicemail_audio, name="voicemail_audio"),
    path("voicemail/<int:pk>/reading/", views.voicemail_read, name="voicemail_reading"),
    path("voicemail/<int:pk>/removal/", views.voicemail_remove, name="voicemail_removal"),
    path("voicemail/<int:pk>/return/", views.voicemail_restore, name="voicemail_return"),
    path("events/<uuid:key>/", door.event_create, name="event_create"),
    path("attempts/", attempt_views.attempt_new, name="attempt"),
]
