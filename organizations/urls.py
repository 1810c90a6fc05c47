from django.urls import path

from organizations import audit_views, mail_views, views

app_name = "organizations"
urlpatterns = [
    path("profile/settings/", views.settings, name="settings"),
    path("profile/settings/theme/", views.theme, name="theme"),
    path("profile/mail/", mail_views.choices, name="mail"),
    path("mail/<str:token>/", mail_views.stop, name="mail_stop"),
    path("people/", views.people_list, name="people"),
    path("people/<int:pk>/", views.person, name="person"),
    path("people/<int:pk>/role/", views.role_change, name="role_change"),
    path("people/<int:pk>/groups/", views.groups_change, name="groups_change"),
    path("people/invitations/new/", views.invitation_new, name="invitation_new"),
    path("people/invitations/<int:pk>/sending/", views.invitation_send_again, name="invitation_send_again"),
    path("people/invitations/<int:pk>/revocation/", views.invitation_revoke, name="invitation_revoke"),
    path("people/groups/", views.group_list, name="groups"),
    path("people/groups/new/", views.group_new, name="group_new"),
    path("people/groups/<int:pk>/", views.group_edit, name="group_edit"),
    path("people/groups/<int:pk>/deletion/", views.group_delete, name="group_delete"),
    path("people/organization/", views.organization, name="organization"),
    path("people/audit-trail/", audit_views.audit, name="audit"),
    path("people/audit-trail/export/", audit_views.audit_export, name="audit_export"),
    path("invitations/<str:token>/", views.invitation, name="invitation"),
    path("invitations/<str:token>/acceptance/", views.invitation_accept, name="invitation_accept"),
]
