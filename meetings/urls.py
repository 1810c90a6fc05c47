from django.urls import path

from meetings import calendar_views, schedule_urls, sharing_urls, views

app_name = "meetings"
urlpatterns = [
    path("", views.list_, name="list"),
    path("now/", views.now, name="now"),
    path("day/", views.day, name="today"),
    path("day/<str:day>/", views.day, name="day"),
    path("week/", views.week, name="this_week"),
    path("week/<str:week>/", views.week, name="week"),
    path("export.csv", views.export, name="export"),
    path("calendars/", calendar_views.calendars, name="calendars"),
    path("calendars/listings/", calendar_views.calendar_listing_create, name="calendar_listing_create"),
    path("<int:pk>/", views.detail, name="detail"),
    *schedule_urls.urlpatterns,
    *sharing_urls.urlpatterns,
]
