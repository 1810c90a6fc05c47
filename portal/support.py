from django.contrib.admin.apps import AdminConfig


class SupportConfig(AdminConfig):
    """Django's admin, as the support pages."""

    default_site = "organizations.support_site.SupportSite"
