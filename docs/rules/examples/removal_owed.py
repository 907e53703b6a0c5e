from django.db import migrations

# given: EXPAND_CONTRACT is on, and others are at work
settings = {"EXPAND_CONTRACT": True}

# unsafe
operations = [
    migrations.RemoveField("Order", "note"),
]

# safe: at once, where the author knows that no old code runs
from django_zero_downtime_migrations.operations import SafetyAssured

operations = [
    SafetyAssured([migrations.RemoveField("Order", "note")], reason="the field was never used"),
]
