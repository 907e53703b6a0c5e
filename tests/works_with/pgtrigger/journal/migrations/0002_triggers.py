import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("journal", "0001_initial")]
    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="entry",
            trigger=pgtrigger.compiler.Trigger(
                name="protect_posted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.\"code\"::text LIKE 'P%')",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="de8c8cb8a1e85f480c33c8a732704170a04813c1",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_protect_posted_aeb43",
                    table="journal_entry",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="entry",
            trigger=pgtrigger.compiler.Trigger(
                name="no_negative",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (NEW."amount" < 0)',
                    func="NEW.amount = 0; RETURN NEW;",
                    hash="1eecacf56397fa10c57cc0f08e4b3c86f67bb1fc",
                    operation='UPDATE OF "amount", "note"',
                    pgid="pgtrigger_no_negative_5ced8",
                    table="journal_entry",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField("Plain", "entry", models.ForeignKey("journal.Entry", models.CASCADE, null=True)),
    ]
