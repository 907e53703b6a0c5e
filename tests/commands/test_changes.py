"""Which migrations git has as changed."""

from __future__ import annotations

import pytest

from tests.commands.project import SAFE, UNSAFE, Project

RENAME = "refuse ALTER_TABLE_RENAME_COLUMN"
AGAIN = '[migrations.RenameField("Book", "sheets", "leaves")]'


@pytest.fixture
def repository(used: Project) -> Project:
    used.git("init", "--quiet", "--initial-branch=main")
    used.commit()
    return used


def test_migrations_since_a_commit(repository: Project) -> None:
    repository.add(UNSAFE)
    repository.commit()
    repository.add(AGAIN)
    repository.commit()

    result = repository.check("--since", "HEAD~1")

    assert (result.code, result.heads) == (1, [RENAME])
    assert "1 migration judged" in result.out


def test_applied_migration_is_judged_when_it_has_changed(repository: Project) -> None:
    repository.migrate(repository.add(UNSAFE))

    assert repository.check().heads == []
    assert repository.check("--since", "HEAD").heads == [RENAME]


def test_new_and_changed_files_of_the_working_directory(repository: Project) -> None:
    repository.add(UNSAFE)
    repository.commit()
    repository.file("0002_step").write_text(repository.file("0002_step").read_text() + "# seen\n")
    repository.add(AGAIN)

    assert "2 migrations judged" in repository.check("--since", "HEAD").out


def test_what_the_other_branch_has_got_since_is_not_judged(repository: Project) -> None:
    repository.git("checkout", "--quiet", "-b", "ours")
    repository.add(SAFE)
    repository.commit()
    repository.git("checkout", "--quiet", "main")
    repository.file("0001_step").write_text(repository.file("0001_step").read_text() + "# seen\n")
    repository.commit()
    repository.git("checkout", "--quiet", "ours")

    assert "1 migration judged" in repository.check("--since", "main").out


def test_table_of_an_unchanged_migration_is_in_use(repository: Project) -> None:
    repository.add('[migrations.CreateModel("Shelf", [("id", models.BigAutoField(primary_key=True))])]')
    repository.commit()
    repository.add('[migrations.RenameModel("Shelf", "Rack")]')

    assert repository.check("--since", "HEAD").heads == ["refuse ALTER_TABLE_RENAME"]


def test_staged_migrations(repository: Project) -> None:
    repository.add(UNSAFE)
    repository.git("add", "--all")
    repository.add(AGAIN)

    result = repository.check("--staged")

    assert result.heads == [RENAME]
    assert f"{repository.app}.0002_step" in result.out
    assert "1 migration judged" in result.out


def test_nothing_staged(repository: Project) -> None:
    repository.add(UNSAFE)

    assert repository.check("--staged").out == "0 migrations judged: 0 refused, 0 warnings, 0 notes.\n"


def test_repository_without_commits(used: Project) -> None:
    used.git("init", "--quiet")
    used.add(UNSAFE)
    used.git("add", "--all")

    assert used.check("--staged").heads == [RENAME]


def test_from_a_folder_below(repository: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.add(UNSAFE)
    monkeypatch.chdir(repository.home / repository.app)

    result = repository.check("--since", "HEAD")

    assert result.heads == [RENAME]
    assert result.out.startswith("migrations/0002_step.py:7: ")


def test_path_with_spaces_and_other_letters(repository: Project) -> None:
    repository.add(UNSAFE, "0002_größe")

    assert repository.check("--since", "HEAD").heads == [RENAME]


@pytest.mark.parametrize("name", ["nothing", "--help", "-1", ""])
def test_unknown_commit(repository: Project, name: str) -> None:
    result = repository.check(f"--since={name}")

    if name:
        assert (result.code, result.err) == (2, f"git knows no commit {name!r}.")
    else:
        assert result.code == 0


def test_outside_of_a_repository(used: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(used.folder.parent))

    result = used.check("--staged")

    assert result.code == 2
    assert result.err.startswith("git rev-parse: fatal: not a git repository")
