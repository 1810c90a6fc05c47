from django.urls import path

from phone import licence_views, system_views

app_name = "phone_administration"
urlpatterns = [
    path("phone-system/", system_views.system, name="system"),
    path("phone-system/trials/", system_views.trial_create, name="trial_create"),
    path("phone-system/readings/", system_views.reading_create, name="reading_create"),
    path("phone-system/secrets/", system_views.secret_create, name="secret_create"),
    path("licences/", licence_views.licence_list, name="licences"),
    path("licences/assignment/", licence_views.licence_assign, name="licence_assignment"),
    path("licences/withdrawal/", licence_views.licence_withdraw, name="licence_withdrawal"),
]
