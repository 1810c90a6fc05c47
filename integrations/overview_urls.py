from django.urls import path

from integrations import overview_views as views

urlpatterns = [
    path("", views.overview, name="overview"),
    path("connections.csv", views.connections_csv, name="connections_csv"),
    path("members/<int:pk>/", views.member, name="member"),
    path("members/<int:pk>/sync/", views.member_sync, name="member_sync"),
    path("members/<int:pk>/disconnection/new/", views.disconnection_new, name="disconnection_new"),
]
