from django.urls import path

from contacts import create_views, export_views, number_views, views, write_views

app_name = "contacts"
urlpatterns = [
    path("", views.contact_list, name="list"),
    path("<int:pk>/", views.contact_show, name="show"),
    path("new/", create_views.create, name="create"),
    path("numbers/new/", number_views.pick, name="add_number"),
    path("<int:pk>/numbers/new/", number_views.number_new, name="number_new"),
    path("<int:pk>/progress/", write_views.progress, name="progress"),
    path("writes/", write_views.writes, name="writes"),
    path("writes/<int:pk>/", write_views.write, name="write"),
    path("writes/<int:pk>/retry/", write_views.retry, name="write_retry"),
    path("writes/<int:pk>/choice/", write_views.choice, name="write_choice"),
    path("<int:pk>/contact.vcf", export_views.vcard, name="vcard"),
    path("export.csv", export_views.export, name="export"),
    path("export.vcf", export_views.export_vcards, name="export_vcards"),
]
