"""A project whose migrations are made up, the same ones every time: by default 10 apps with 10 models and 30 migrations
each. Every app sees every kind of change, each on another model.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.writer import MigrationWriter

APPS = 10
MODELS = 10

Change = Callable[[str, str, str], list[Operation]]

RUN_PYTHON = """from django.db import migrations


def forwards(apps, schema_editor):
    model = apps.get_model("{app}", "{model}")
    model.objects.create(name="first", amount=1)
    model.objects.filter(name="first").update(note="seen")


def backwards(apps, schema_editor):
    apps.get_model("{app}", "{model}").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("{app}", "{before}")]
    operations = [migrations.RunPython(forwards, backwards)]
"""


def app_name(number: int) -> str:
    return f"part{number}"


def model_name(number: int) -> str:
    return f"Thing{number}"


def write(folder: Path, apps: int = APPS) -> list[str]:
    """Write the apps below a folder. :returns: what belongs into INSTALLED_APPS."""
    for number in range(apps):
        write_app(folder / app_name(number), number)
    return [app_name(number) for number in range(apps)]


def write_app(folder: Path, number: int) -> None:
    app = app_name(number)
    (folder / "migrations").mkdir(parents=True)
    for module in ("__init__.py", "models.py", "migrations/__init__.py"):
        (folder / module).write_text("")
    before = ""
    for step in range(MODELS + len(CHANGES) + 1):
        name = f"{step + 1:04}_step"
        dependencies = [(app, before)] if before else []
        if step < MODELS:
            if number % 2:
                dependencies.append((app_name(number - 1), f"{MODELS:04}_step"))
            text = migration_text(app, name, dependencies, [create(number, step)])
        elif step == MODELS:
            text = RUN_PYTHON.format(app=app, model=model_name(0), before=before)
        else:
            kind = step - MODELS - 1
            model = model_name((kind + number) % MODELS)
            text = migration_text(app, name, dependencies, CHANGES[kind](app, model, f"{app}_{kind}"))
        (folder / "migrations" / f"{name}.py").write_text(text)
        before = name


def migration_text(app: str, name: str, dependencies: list[tuple[str, str]], operations: list[Operation]) -> str:
    body = {"operations": operations, "dependencies": dependencies, "initial": not dependencies}
    # Without the header, which has the time in it.
    return MigrationWriter(
        type("Migration", (migrations.Migration,), body)(name, app), include_header=False
    ).as_string()


def create(app: int, model: int) -> Operation:
    fields: list[tuple[str, models.Field[Any, Any]]] = [
        ("id", models.BigAutoField(primary_key=True)),
        ("name", models.CharField(max_length=100)),
        ("slug", models.SlugField(null=True, unique=True)),
        ("amount", models.PositiveIntegerField(default=0)),
        ("code", models.CharField(max_length=10, null=True)),
        ("note", models.TextField(null=True)),
        ("spare", models.IntegerField(null=True)),
        ("old", models.DateTimeField(null=True, db_index=True)),
    ]
    if model:
        before = f"{app_name(app)}.{model_name(model - 1)}"
        fields.append(("parent", models.ForeignKey(before, models.CASCADE, null=True, related_name="+")))
    # Not all apps hang together: Django renders again every model that a changed one can reach.
    if app % 2:
        other = f"{app_name(app - 1)}.{model_name(model)}"
        fields.append(("other", models.ForeignKey(other, models.SET_NULL, null=True, related_name="+")))
    if model % 4 == 3:
        many = f"{app_name(app)}.{model_name(model - 2)}"
        fields.append(("many", models.ManyToManyField(many, related_name="+")))
    return migrations.CreateModel(model_name(model), fields, {"ordering": ["name"]})


def check(name: str) -> models.CheckConstraint:
    condition = models.Q(amount__gte=0)
    try:
        return models.CheckConstraint(condition=condition, name=name)
    except TypeError:  # its name before Django 5.1
        older: dict[str, Any] = {"check": condition}
        return models.CheckConstraint(**older, name=name)


def foreign_key(app: str, kind: type[models.ForeignKey[Any, Any]] = models.ForeignKey) -> models.ForeignKey[Any, Any]:
    return kind(f"{app}.{model_name(0)}", models.CASCADE, null=True, related_name="+")


CHANGES: list[Change] = [
    lambda app, model, name: [migrations.AddField(model, "title", models.CharField(max_length=50, null=True))],
    lambda app, model, name: [migrations.AddField(model, "count", models.IntegerField(default=0))],
    lambda app, model, name: [migrations.AddField(model, "owner", foreign_key(app))],
    lambda app, model, name: [
        migrations.AddField(model, "key", models.CharField(max_length=9, null=True, unique=True))
    ],
    lambda app, model, name: [migrations.AddField(model, "size", models.PositiveSmallIntegerField(null=True))],
    lambda app, model, name: [
        migrations.AddField(model, "tags", models.ManyToManyField(f"{app}.{model_name(0)}", related_name="+"))
    ],
    lambda app, model, name: [migrations.AlterField(model, "name", models.CharField(max_length=200))],
    lambda app, model, name: [migrations.AlterField(model, "spare", models.BigIntegerField(null=True))],
    lambda app, model, name: [migrations.AlterField(model, "note", models.TextField(default=""))],
    # Type, default and NOT NULL at once: one ALTER TABLE of several actions.
    lambda app, model, name: [migrations.AlterField(model, "code", models.CharField(max_length=20, default="none"))],
    lambda app, model, name: [migrations.AlterField(model, "name", models.CharField(max_length=100, db_index=True))],
    lambda app, model, name: [migrations.AlterField(model, "amount", models.BigIntegerField(default=0, unique=True))],
    lambda app, model, name: [migrations.AddIndex(model, models.Index(fields=["name", "amount"], name=f"{name}_i"))],
    lambda app, model, name: [
        migrations.AddConstraint(model, check(f"{name}_c")),
        migrations.AddConstraint(model, models.UniqueConstraint(fields=["name", "amount"], name=f"{name}_u")),
    ],
    lambda app, model, name: [
        migrations.AddIndex(model, models.Index(fields=["amount"], name=f"{name}_a")),
        migrations.RenameIndex(model, new_name=f"{name}_b", old_name=f"{name}_a"),
        migrations.RemoveIndex(model, f"{name}_b"),
    ],
    lambda app, model, name: [migrations.AlterUniqueTogether(model, {("name", "code")})],
    lambda app, model, name: [migrations.RenameField(model, "spare", "left")],
    lambda app, model, name: [migrations.RemoveField(model, "old")],
    lambda app, model, name: [
        migrations.AddField(model, "place", foreign_key(app)),
        migrations.AlterField(model, "place", foreign_key(app, models.OneToOneField)),
        migrations.AlterModelOptions(model, {"ordering": ["-name"]}),
    ],
]
