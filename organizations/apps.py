from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class OrganizationsConfig(AppConfig):
    name = "organizations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from organizations import append_only, trail  # noqa: F401  (the receivers of trail listen from here on)

        pre_migrate.connect(append_only.uninstall_before_migrating, sender=self, dispatch_uid="append_only")
        post_migrate.connect(append_only.install_after_migrating, sender=self, dispatch_uid="append_only")
