from django.db import migrations, models
import django.db.models.deletion


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0002_contact_writes'),
        ('integrations', '0013_channels_know_their_setup'),
    ]

    operations = [
        migrations.RemoveIndex(model_name='contactnumber', name='numbers_by_e164'),
        # Without its constraint at first: PostgreSQL adds none in the transaction in which rows have just changed.
        migrations.AddField(
            model_name='contactnumber',
            name='connection',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='integrations.connection'),
        ),
        migrations.RunSQL(
            'UPDATE contacts_contactnumber SET connection_id ='
            ' (SELECT connection_id FROM contacts_contact WHERE contacts_contact.id = contacts_contactnumber.contact_id)',
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name='contactnumber',
            name='connection',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='integrations.connection'),
        ),
        migrations.AddIndex(
            model_name='contactnumber',
            index=models.Index(fields=['connection', 'e164'], name='numbers_by_e164'),
        ),
    ]
