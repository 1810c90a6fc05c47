from django.urls import path

from contacts import export_views, views

app_name = "contacts"
urlpatterns = [
    path("", views.contact_list, name="list"),
    path("<int:pk>/", views.contact_show, name="show"),
    path("<int:pk>/contact.vcf", export_views.vcard, name="vcard"),
    path("export.csv", export_views.export, name="export"),
    path("export.vcf", export_views.export_vcards, name="export_vcards"),
]
