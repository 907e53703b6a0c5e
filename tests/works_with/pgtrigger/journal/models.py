import pgtrigger
from django.db import models


class Entry(models.Model):
    code = models.CharField(max_length=10)
    amount = models.IntegerField(default=0)
    note = models.CharField(max_length=20, null=True)

    class Meta:
        triggers = [
            pgtrigger.Protect(
                name="protect_posted",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__code__startswith="P"),
            ),
            pgtrigger.Trigger(
                name="no_negative",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf("amount", "note"),
                condition=pgtrigger.Q(new__amount__lt=0),
                func="NEW.amount = 0; RETURN NEW;",
            ),
        ]


class Plain(models.Model):
    code = models.CharField(max_length=10)
    entry = models.ForeignKey(Entry, models.CASCADE, null=True)
