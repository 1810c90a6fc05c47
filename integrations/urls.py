from django.urls import path

from integrations import push_views, sign_in_views, views

app_name = "integrations"
urlpatterns = [
    path("profile/", views.profile, name="profile"),
    path("integrations/prompt/", views.prompt, name="prompt"),
    path("integrations/prompt/answer/", views.prompt_answer_create, name="prompt_answer_create"),
    path("integrations/connection/new/", views.connection_new, name="connection_new"),
    path("integrations/connection/new/<slug:provider>/", views.connection_permissions, name="connection_permissions"),
    path("integrations/connection/leaving/<str:state>/", sign_in_views.leaving, name="leaving"),
    path("integrations/connection/login/<str:state>/", sign_in_views.connection_login, name="connection_login"),
    path("integrations/connection/approval/<slug:provider>/", sign_in_views.approval, name="approval"),
    path("integrations/admin-consent/", sign_in_views.approval_return, name="approval_return"),
    path("integrations/push/<slug:provider>/", push_views.notification_create, name="push"),
    path("integrations/callback/", sign_in_views.callback, name="callback"),
    path("integrations/connection/edit/", views.connection_edit, name="connection_edit"),
    path("integrations/connection/renewal/", views.connection_renew, name="connection_renew"),
    path("integrations/connection/delete/", views.connection_delete, name="connection_delete"),
    path("integrations/connection/deletion/", views.deletion, name="deletion"),
    path("integrations/connection/deletion/new/", views.deletion_create, name="deletion_create"),
    path("integrations/connection/sync/", views.sync_create, name="sync_create"),
    path("integrations/connection/progress/", views.sync_progress, name="sync_progress"),
    path("integrations/policy-effects/<int:pk>/dismissal/", views.effect_dismissal, name="effect_dismissal"),
    path("integrations/connection/emptied/", views.emptied_create, name="emptied_create"),
]
