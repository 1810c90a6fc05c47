from django.urls import path

from meetings import views

app_name = "meetings"
urlpatterns = [
    path("", views.list_, name="list"),
    path("now/", views.now, name="now"),
    path("<int:pk>/", views.detail, name="detail"),
]
