from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("phone", "0002_call_log_id")]

    operations = [
        migrations.AddField(
            model_name="phonesystem",
            name="licences_read_at",
            field=models.DateTimeField(blank=True, help_text="When it last said who has a phone.", null=True),
        ),
    ]
