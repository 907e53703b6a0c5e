"""The migrations that git has as changed."""

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


SHELF = '[migrations.CreateModel("Shelf", [("id", models.BigAutoField(primary_key=True))])]'
FULL_SHELF = '[migrations.AddField("Shelf", "row", models.IntegerField(default=0))]'
FORGET = '[migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("Book", "pages")])]'
DROP = """[migrations.RunSQL('ALTER TABLE "{}_book" DROP COLUMN "pages"')]"""


@pytest.fixture(params=["--since", "--staged"])
def of_deployment(request: pytest.FixtureRequest) -> list[str]:
    """The options with which what comes after the last commit is judged."""
    return ["--since", "HEAD"] if request.param == "--since" else ["--staged"]


def test_table_that_an_earlier_migration_of_the_deployment_makes_is_new(
    repository: Project, of_deployment: list[str]
) -> None:
    repository.add(SHELF)
    repository.add(FULL_SHELF)
    repository.git("add", "--all")

    result = repository.check(*of_deployment)

    assert (result.code, result.heads) == (0, [])
    assert "2 migrations judged" in result.out


def test_table_that_an_earlier_deployment_has_made_is_in_use(repository: Project, of_deployment: list[str]) -> None:
    repository.add(SHELF)
    repository.commit()
    repository.add(FULL_SHELF)
    repository.git("add", "--all")

    assert repository.check(*of_deployment).heads == ["refuse ADD_COLUMN_NOT_NULL"]


def test_both_halves_of_a_removal_in_one_deployment_break_the_code_before(
    repository: Project, of_deployment: list[str]
) -> None:
    repository.add(FORGET)
    repository.add(DROP.format(repository.app))
    repository.git("add", "--all")

    assert "warn DROP_COLUMN" in repository.check(*of_deployment).heads


def test_second_half_of_a_removal_in_a_deployment_of_its_own(repository: Project, of_deployment: list[str]) -> None:
    repository.add(FORGET)
    repository.commit()
    repository.add(DROP.format(repository.app))
    repository.git("add", "--all")

    assert "warn DROP_COLUMN" not in repository.check(*of_deployment).heads


def test_deployment_is_judged_as_what_is_pending_is(repository: Project, of_deployment: list[str]) -> None:
    repository.migrate(*repository.names)
    repository.add(SHELF)
    repository.add('[migrations.AddField("Book", "shelf", models.ForeignKey("Shelf", models.CASCADE, null=True))]')
    repository.add('[migrations.RemoveField("Book", "shelf"), migrations.RemoveField("Book", "pages")]')
    repository.git("add", "--all")

    result = repository.check(*of_deployment)

    assert result.heads == repository.check().heads
    assert "warn DROP_COLUMN" in result.heads


def test_migration_that_has_been_changed_makes_no_table_new(repository: Project, of_deployment: list[str]) -> None:
    """A developer edits a migration that was deployed long ago, and adds one after it."""
    file = repository.file("0001_step")
    file.write_text(file.read_text() + "# seen\n")
    repository.add(UNSAFE)
    repository.git("add", "--all")

    result = repository.check(*of_deployment)

    assert RENAME in result.heads
    assert "2 migrations judged" in result.out


def test_migration_that_gets_another_name_makes_no_table_new(repository: Project, of_deployment: list[str]) -> None:
    repository.git("mv", f"{repository.app}/migrations/0001_step.py", f"{repository.app}/migrations/0001_book.py")
    repository.names[:] = ["0001_book"]
    repository.add(UNSAFE)
    repository.git("add", "--all")

    assert RENAME in repository.check(*of_deployment).heads


def test_squashed_migration_makes_no_table_new(repository: Project, of_deployment: list[str]) -> None:
    text = repository.file("0001_step").read_text()
    replaces = f'    replaces = [("{repository.app}", "0001_step")]\n'
    repository.file("0001_squashed").write_text(text.replace("    dependencies", f"{replaces}    dependencies"))
    repository.names[:] = ["0001_squashed"]
    repository.add(UNSAFE)
    repository.git("add", "--all")

    assert RENAME in repository.check(*of_deployment).heads


def test_shallow_clone_says_what_the_workflow_lacks(repository: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """CI makes such clones: the branch and its starting point are there, and no commit that they share."""
    repository.git("checkout", "--quiet", "-b", "ours")
    repository.add(UNSAFE)
    repository.commit()
    repository.git("checkout", "--quiet", "main")
    repository.git("commit", "--quiet", "--allow-empty", "--message", "theirs")
    repository.git("checkout", "--quiet", "ours")
    origin = repository.folder.as_uri()
    repository.git("clone", "--quiet", "--depth=1", "--no-single-branch", "--branch=ours", origin, "shallow")
    monkeypatch.chdir(repository.folder / "shallow")

    result = repository.check("--since", "origin/main")
    unknown = repository.check("--since", "origin/release")

    assert (result.code, unknown.code) == (2, 2)
    assert "fetch-depth: 0" in result.err and "GIT_DEPTH: 0" in result.err
    assert "no commit 'origin/release'" in unknown.err and "fetch-depth: 0" in unknown.err


def test_staged_migrations(repository: Project) -> None:
    repository.add(UNSAFE)
    repository.git("add", "--all")
    repository.add(AGAIN)

    result = repository.check("--staged")

    assert result.heads == [RENAME]
    assert f"{repository.app}.0002_step" in result.out
    assert "1 migration judged" in result.out


UNSAFE_FIELD = '[\n    migrations.AddField("Book", "rank", models.IntegerField(default=0)),\n]'
SAFE_FIELD = '[migrations.AddField("Book", "rank", models.IntegerField(null=True))]'


def test_what_is_staged_is_judged_and_not_what_the_file_has_by_now(repository: Project) -> None:
    """The two differ with `git add -p`, or after a repair of a file that is not staged again."""
    name = repository.add(UNSAFE_FIELD)
    repository.git("add", "--all")
    repository.add(SAFE_FIELD, name, "0001_step")
    repository.names.pop()

    result = repository.check("--staged")

    assert (result.code, result.heads) == (1, ["refuse ADD_COLUMN_NOT_NULL"])
    line = repository_line(repository, name, "AddField")
    assert f"{repository.app}/migrations/{name}.py:{line}: " in result.out
    assert repository.check().heads == []


def repository_line(repository: Project, name: str, text: str) -> int:
    """Return the line of a text in what is staged."""
    staged = repository.git("show", f":{repository.app}/migrations/{name}.py").splitlines()
    return next(number for number, line in enumerate(staged, 1) if text in line)


def test_what_is_not_staged_yet_is_not_judged(repository: Project) -> None:
    name = repository.add(SAFE_FIELD)
    repository.git("add", "--all")
    repository.add(UNSAFE_FIELD, name, "0001_step")
    repository.names.pop()

    assert repository.check("--staged").heads == []
    assert repository.check().heads == ["refuse ADD_COLUMN_NOT_NULL"]


def test_staged_migration_whose_file_has_gone_is_not_passed_over(repository: Project) -> None:
    name = repository.add(UNSAFE_FIELD)
    repository.git("add", "--all")
    repository.file(name).unlink()

    result = repository.check("--staged")

    assert result.code == 2
    assert f"{name}.py is staged, and its file has gone" in result.err


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


def test_field_of_the_state_alone_is_a_warning_without_a_database(repository: Project) -> None:
    """SQL may have made the column outside of the migrations; a database that can be asked has it or not."""
    ahead = FORGET.replace('RemoveField("Book", "pages")', 'AddField("Book", "note", models.TextField(null=True))')
    repository.add(ahead)
    repository.commit()

    assert repository.check("--since", "HEAD~1").heads == ["warn STATE_AHEAD"]
    assert repository.check().heads == ["refuse STATE_AHEAD"]
