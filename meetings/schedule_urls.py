from django.urls import path

from meetings import deleted_views, edit_views, schedule_views, write_views

urlpatterns = [
    path("new/", schedule_views.new, name="new"),
    path("new/preview/", schedule_views.preview, name="preview"),
    path("people/", schedule_views.people, name="people"),
    path("<int:pk>/edit/", edit_views.edit, name="edit"),
    path("<int:pk>/deletion/", edit_views.deletion, name="deletion"),
    path("<int:pk>/progress/", edit_views.progress, name="progress"),
    path("writes/", write_views.writes, name="writes"),
    path("writes/<int:pk>/", write_views.write, name="write"),
    path("writes/<int:pk>/retry/", write_views.retry, name="write_retry"),
    path("writes/<int:pk>/choice/", write_views.choice, name="write_choice"),
    path("deleted/", deleted_views.deleted, name="deleted"),
    path("deleted/<int:pk>/restoration/", deleted_views.restoration_create, name="restoration_create"),
]
