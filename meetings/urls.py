from django.urls import path
from django.http import HttpResponse

app_name = "meetings"
urlpatterns = [path("", lambda request: HttpResponse("soon"), name="list")]
