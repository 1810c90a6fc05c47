from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("meetings", "0004_writes_remember"),
    ]

    operations = [
        migrations.AddField(
            model_name="meetinghost",
            name="former_templates_json",
            field=models.JSONField(
                blank=True, default=list, help_text="Link templates of before, whose links go on leading into meetings."
            ),
        ),
    ]
