from django.urls import path

from organizations import audit_views, group_views, import_views, invitation_views, mail_views, people_views, views

app_name = "organizations"
urlpatterns = [
    path("profile/settings/", views.settings, name="settings"),
    path("profile/settings/theme/", views.theme, name="theme"),
    path("profile/mail/", mail_views.choices, name="mail"),
    path("mail/<str:token>/", mail_views.stop, name="mail_stop"),
    path("profile/departure/", people_views.departure, name="departure"),
    path("people/", people_views.people_list, name="people"),
    path("people/<int:pk>/", people_views.person, name="person"),
    path("people/<int:pk>/role/", people_views.role_change, name="role_change"),
    path("people/<int:pk>/groups/", people_views.groups_change, name="groups_change"),
    path("people/<int:pk>/deactivation/", people_views.deactivation, name="deactivation"),
    path("people/<int:pk>/reactivation/", people_views.reactivation, name="reactivation"),
    path("people/<int:pk>/ownership/", people_views.ownership, name="ownership"),
    path("people/invitations/", invitation_views.invitation_list, name="invitations"),
    path("people/invitations/new/", invitation_views.invitation_new, name="invitation_new"),
    path("people/invitations/import/", import_views.invitation_import, name="invitation_import"),
    path("people/invitations/import/<uuid:pk>/", import_views.invitation_import_show, name="invitation_import_show"),
    path(
        "people/invitations/import/<uuid:pk>/confirmation/",
        import_views.invitation_import_confirm,
        name="invitation_import_confirm",
    ),
    path(
        "people/invitations/import/<uuid:pk>/report/",
        import_views.invitation_import_report,
        name="invitation_import_report",
    ),
    path("people/invitations/<int:pk>/sending/", invitation_views.invitation_send_again, name="invitation_send_again"),
    path("people/invitations/<int:pk>/revocation/", invitation_views.invitation_revoke, name="invitation_revoke"),
    path("people/groups/", group_views.group_list, name="groups"),
    path("people/groups/new/", group_views.group_new, name="group_new"),
    path("people/groups/<int:pk>/", group_views.group_edit, name="group_edit"),
    path("people/groups/<int:pk>/members/", group_views.group_members, name="group_members"),
    path("people/groups/<int:pk>/members/new/", group_views.group_members_new, name="group_members_new"),
    path("people/groups/<int:pk>/members/removal/", group_views.group_members_removal, name="group_members_removal"),
    path("people/groups/<int:pk>/position/", group_views.group_position, name="group_position"),
    path("people/groups/<int:pk>/deletion/", group_views.group_delete, name="group_delete"),
    path("people/organization/", views.organization, name="organization"),
    path("people/audit-trail/", audit_views.audit, name="audit"),
    path("people/audit-trail/export/", audit_views.audit_export, name="audit_export"),
    path("invitations/<str:token>/", invitation_views.invitation, name="invitation"),
    path("invitations/<str:token>/acceptance/", invitation_views.invitation_accept, name="invitation_accept"),
]
