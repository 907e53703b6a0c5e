"""The packages whose migration histories are run, each with the smallest settings that install all of its apps."""

from __future__ import annotations

import compileall
from pathlib import Path
from typing import NamedTuple

from . import projects


class Project(NamedTuple):
    """A package.

    :param requirements: what pip installs, the package itself first.
    :param settings: lines for the end of the settings module.
    """

    requirements: list[str]
    apps: list[str]
    settings: str = ""

    @property
    def package(self) -> str:
        return self.requirements[0].partition("[")[0]

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        text = projects.SETTINGS.format(apps=[*projects.CONTRIB, *self.apps])
        (folder / "project_settings.py").write_text(text + self.settings)
        compileall.compile_dir(folder, quiet=1)


OSCAR_SETTINGS = """
from oscar import INSTALLED_APPS
from oscar.defaults import *
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
"""
ALLAUTH = ("account", "socialaccount", "socialaccount.providers.openid", "mfa", "usersessions", "idp.oidc")

PROJECTS = {
    "wagtail": Project(
        ["wagtail"],
        [*projects.WAGTAIL, "wagtail.contrib.simple_translation", "modelsearch"],
    ),
    # Its own list is the one that it works with.
    "oscar": Project(["django-oscar"], [], OSCAR_SETTINGS),
    "cms": Project(
        # It imports packaging without asking for it.
        ["django-cms", "packaging"],
        ["django.contrib.sites", "cms", "menus", "treebeard", "sekizai"],
        'CMS_CONFIRM_VERSION4 = True\nLANGUAGE_CODE = "en"\nLANGUAGES = [("en", "English")]\n'
        'TEMPLATES[0]["OPTIONS"] = {"context_processors": ["django.template.context_processors.request"]}\n',
    ),
    "allauth": Project(
        ["django-allauth[idp-oidc,mfa,openid,socialaccount]"],
        ["django.contrib.sites", "allauth", *(f"allauth.{name}" for name in ALLAUTH)],
        'MIDDLEWARE = ["allauth.account.middleware.AccountMiddleware"]\n',
    ),
    "celery-beat": Project(["django-celery-beat"], ["django_celery_beat"]),
}
