# Policy by levels: the columns of AdminPolicy become choices, by the names of integrations.levels.

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


def make_choices(apps, schema_editor):
    for row in apps.get_model("integrations", "AdminPolicy").objects.all():
        choices = {}
        if not row.enabled:
            choices["enabled"] = False
        for name in ("default_service", "join_services", "vanity_hosts"):
            if value := getattr(row, name):
                choices[name] = value
        for service, said in row.services.items():
            choices |= {f"{service}.{name}": value for name, value in said.items()}
        row.choices = choices
        row.save(update_fields=["choices"])


class Migration(migrations.Migration):

    dependencies = [
        ("integrations", "0002_sign_in_method"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField("adminpolicy", "choices", models.JSONField(blank=True, default=dict)),
        migrations.RunPython(make_choices, migrations.RunPython.noop),
        migrations.RemoveField("adminpolicy", "enabled"),
        migrations.RemoveField("adminpolicy", "services"),
        migrations.RemoveField("adminpolicy", "default_service"),
        migrations.RemoveField("adminpolicy", "join_services"),
        migrations.RemoveField("adminpolicy", "vanity_hosts"),
    ]
