from django.urls import path
from django.http import HttpResponse

app_name = "organizations"
urlpatterns = [path("", lambda request: HttpResponse("soon"), name="profile")]
