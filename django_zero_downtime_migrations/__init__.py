"""A PostgreSQL backend for Django whose migrations are safe on tables that are in use."""

__version__ = "1.0.0"

#: What pip installs; the package that is imported is named for what it does.
DISTRIBUTION = "django-online-migrations"

#: Where the distribution is to be had; [project.urls] has it too. No other address of ours stands in the package.
ADDRESS = f"https://pypi.org/project/{DISTRIBUTION}/"
