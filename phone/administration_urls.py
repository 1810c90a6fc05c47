from django.urls import URLPattern

app_name = "phone_administration"
urlpatterns: list[URLPattern] = []
