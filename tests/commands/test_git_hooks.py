"""The commit-msg hook, in real repositories with real commits."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from django_zero_downtime_migrations.git_hooks.__main__ import allows
from tests.commands.repository import ROOT, SAFE, UNSAFE, Repository

pytestmark = pytest.mark.slow

TOKEN = "[allow-unsafe-migrations]"
OTHER = """\
#!/bin/sh
echo "other: $(head -n 1 "$1")"
! grep --quiet refused "$1"
"""
Make = Callable[..., Repository]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """make(name, project=…): a repository with a commit in a new folder of this name."""

    def make(name: str = "site", project: str = ".") -> Repository:
        return Repository(tmp_path / name, project).with_project().started()

    return make


@pytest.fixture
def repository(make: Make) -> Repository:
    return make()


def other_hook(path: Path) -> None:
    path.write_text(OTHER)
    path.chmod(0o755)


def hooks(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".sample")


def assert_judged(repository: Repository) -> None:
    """A commit with an unsafe migration is stopped, and the same with the token passes."""
    before = repository.commits()
    stopped = repository.commit("Pages")
    assert stopped.returncode == 1, stopped.stdout
    assert "ADD_COLUMN_NOT_NULL" in stopped.stdout
    assert f"write {TOKEN} into its message" in stopped.stdout
    passed = repository.commit(f"Pages\n\n{TOKEN}")
    assert passed.returncode == 0, passed.stdout
    assert "ADD_COLUMN_NOT_NULL" not in passed.stdout
    assert repository.commits() == before + 1


def test_unsafe_migration_stops_a_commit_and_the_token_lets_it_pass(repository: Repository) -> None:
    said = repository.insert()
    repository.add_migration(UNSAFE)

    assert str(repository.hook) in said
    assert_judged(repository)


def test_hook_asks_the_database_unless_told_otherwise(tmp_path: Path, database: BaseDatabaseWrapper) -> None:
    repository = Repository(tmp_path).with_project(database.settings_dict).started()
    repository.insert("--")
    repository.add_migration(UNSAFE)

    assert_judged(repository)


def test_accepted_migration_is_committed(repository: Repository) -> None:
    repository.insert()
    settings = (repository.project / "site_settings.py").read_text("utf-8")
    accept = {"shop.0002_pages": "No old code inserts."}
    repository.write("site_settings.py", f"{settings}ZERO_DOWNTIME_MIGRATIONS_ACCEPT = {accept!r}\n")
    repository.add_migration(UNSAFE)

    done = repository.commit("Pages")

    assert done.returncode == 0, done.stdout
    assert "accepted refuse ADD_COLUMN_NOT_NULL" in done.stdout


def test_environment_accepts_for_one_commit(repository: Repository) -> None:
    repository.insert()
    repository.add_migration(UNSAFE)
    name, command = "ZERO_DOWNTIME_MIGRATIONS_ACCEPT", ("git", "commit", "--quiet", "--message=Pages")

    assert repository.run(*command, **{name: "shop.0001_book: no old code inserts"}).returncode == 1
    done = repository.run(*command, **{name: "shop.0002_pages: no old code inserts"})

    assert done.returncode == 0, done.stdout
    assert "Accepted: no old code inserts" in done.stdout


def test_safe_migration_is_committed(repository: Repository) -> None:
    repository.insert()
    repository.add_migration(SAFE)

    assert repository.commit("Pages").returncode == 0


def test_other_spelling_of_the_command(repository: Repository) -> None:
    repository.insert(command="install_git_hooks")
    repository.add_migration(UNSAFE)

    assert_judged(repository)


def test_options_are_handed_to_check_migrations(repository: Repository) -> None:
    repository.insert("--", "--without-database", "--strict")
    repository.add_migration("""migrations.RunSQL("SELECT 1")""")

    assert repository.commit("Look").returncode == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--nonsense",), "unrecognized arguments: --nonsense"),
        (("--format", "pdf"), "invalid choice: 'pdf'"),
        (("--since", "main"), "--since and --staged choose different migrations"),
    ],
)
def test_options_that_check_migrations_would_refuse_at_each_commit(
    repository: Repository, options: tuple[str, ...], said: str
) -> None:
    refused = repository.manage("insert_git_hooks", "--", *options)

    assert refused.returncode != 0
    assert said in refused.stdout
    assert "Traceback" not in refused.stdout
    assert not repository.hook.exists()


def test_only_what_is_staged_is_judged(repository: Repository) -> None:
    repository.insert()
    repository.add_migration(UNSAFE)
    repository.git("reset", "--quiet")
    repository.write("notes.txt", "nothing")
    repository.git("add", "notes.txt")

    assert repository.commit("Notes").returncode == 0


def test_what_commit_all_stages_is_judged(repository: Repository) -> None:
    repository.add_migration(SAFE)
    assert repository.commit("Pages").returncode == 0
    repository.insert()
    repository.add_migration(UNSAFE)
    repository.git("reset", "--quiet")

    assert repository.commit("Pages", "--all").returncode == 1


def test_path_given_to_commit_is_judged(repository: Repository) -> None:
    repository.add_migration(SAFE)
    assert repository.commit("Pages").returncode == 0
    repository.insert()
    repository.add_migration(UNSAFE)
    repository.git("reset", "--quiet")
    folder = repository.project / "shop"

    assert repository.commit("Pages", "migrations/0002_pages.py", folder=folder).returncode == 1


def test_commit_without_migrations_does_not_start_django(repository: Repository) -> None:
    repository.insert()
    repository.write("site_settings.py", "raise SystemExit('settings were read')")
    repository.git("add", "--all")

    assert repository.commit("Settings").returncode == 0


def test_migration_in_a_folder_of_another_name_is_judged(repository: Repository) -> None:
    settings = (repository.project / "site_settings.py").read_text()
    repository.write("site_settings.py", settings + "MIGRATION_MODULES = {'shop': 'shop.steps'}\n")
    repository.git("mv", "shop/migrations", "shop/steps")
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message=Steps")
    repository.insert()
    repository.add_migration(UNSAFE, folder="shop/steps")

    assert_judged(repository)


def test_removed_migration_is_not_judged(repository: Repository) -> None:
    repository.add_migration(UNSAFE)
    assert repository.commit("Pages").returncode == 0
    repository.insert()
    repository.git("rm", "--quiet", "shop/migrations/0002_pages.py")

    assert repository.commit("Without pages").returncode == 0


def test_merge_is_not_judged(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "pages")
    repository.add_migration(UNSAFE)
    assert repository.commit("Pages").returncode == 0
    repository.git("checkout", "--quiet", "main")
    repository.insert()

    repository.git("merge", "--no-ff", "--no-edit", "pages")

    assert len(repository.git("log", "-1", "--format=%P").split()) == 2


def test_merge_after_a_conflict_is_not_judged(repository: Repository) -> None:
    repository.write("notes.txt", "one")
    repository.git("checkout", "--quiet", "-b", "pages")
    repository.add_migration(UNSAFE)
    assert repository.commit("Pages").returncode == 0
    repository.git("checkout", "--quiet", "main")
    repository.write("notes.txt", "two")
    repository.git("add", "--all")
    assert repository.commit("Notes").returncode == 0
    repository.insert()
    assert repository.run("git", "merge", "pages").returncode == 1
    repository.write("notes.txt", "both")
    repository.git("add", "--all")

    assert repository.commit("Together").returncode == 0


def test_message_that_speaks_of_a_merge_is_judged(repository: Repository) -> None:
    repository.insert()
    repository.add_migration(UNSAFE)

    assert repository.commit("Merge branch 'pages'").returncode == 1


def test_message_is_never_run(repository: Repository) -> None:
    repository.insert()
    repository.add_migration(UNSAFE)
    message = """$(touch ran) `touch ran` ; touch ran
'; touch ran; '
"; touch ran; "
--top=/ -c import os; os.mkdir('ran')
%s {0} \\n !! | touch ran &
"""

    assert repository.commit(message).returncode == 1
    assert repository.commit(f"{message}\n{TOKEN}").returncode == 0
    assert not (repository.folder / "ran").exists()


@pytest.mark.parametrize(
    ("message", "comment", "allowed"),
    [
        (f"Pages {TOKEN}", "#", True),
        (f"{TOKEN}", "#", True),
        (f"Pages\r\n\r\n{TOKEN}\r\n", "#", True),
        (f"Pages\n  # {TOKEN}", "#", True),
        (f"Pages\n# {TOKEN}", "#", False),
        ("Pages [allow unsafe migrations]", "#", False),
        ("Pages allow-unsafe-migrations", "#", False),
        ("", "#", False),
        (f"Pages\n; {TOKEN}", ";", False),
        (f"Pages\n# {TOKEN}", ";", True),
        (f"Pages\n// {TOKEN}", "//", False),
        (f"Pages\n@ {TOKEN}", "auto", False),
        (f"Pages\n{TOKEN}", "auto", True),
        (f"Pages\n# ------------------------ >8 ------------------------\n# Do not\n+{TOKEN}", "#", False),
        (f"{TOKEN}\n# ------------------------ >8 ------------------------\n-x", "#", True),
    ],
)
def test_token_counts_outside_of_comments(message: str, comment: str, allowed: bool) -> None:
    assert allows(message.encode(), comment.encode()) is allowed


def test_message_in_another_encoding() -> None:
    assert allows(f"Größe {TOKEN}".encode("latin-1"), b"#")


def test_comment_character_of_the_repository(repository: Repository) -> None:
    repository.insert()
    repository.git("config", "core.commentChar", ";")
    repository.add_migration(UNSAFE)

    assert repository.commit(f"Pages\n\n; {TOKEN}").returncode == 1
    assert repository.commit(f"Pages\n\n# {TOKEN}").returncode == 0


def test_token_in_the_diff_of_a_verbose_commit_does_not_count(repository: Repository) -> None:
    repository.insert()
    repository.write("notes.txt", TOKEN)
    repository.add_migration(UNSAFE)

    done = repository.run("git", "commit", "--verbose", "--edit", "--message=Pages", GIT_EDITOR="true")

    assert done.returncode == 1


def test_project_in_a_subfolder(make: Make) -> None:
    repository = make(project="web/backend")
    repository.insert(folder=repository.project / "shop")
    repository.add_migration(UNSAFE)

    assert repository.commit("Pages", folder=repository.project / "shop" / "migrations").returncode == 1
    assert_judged(repository)


def test_folder_of_the_project_that_is_not_there_yet(make: Make) -> None:
    repository = make(project="web")
    repository.insert()
    repository.git("checkout", "--quiet", "--orphan", "pages")
    repository.git("rm", "-r", "--quiet", "--force", ".")
    (repository.folder / "index.py").write_text("Migration = None")
    repository.git("add", "--all")

    assert repository.commit("Pages").returncode == 0


@pytest.mark.parametrize("name", ["with space", "größe 数", 'it\'s "quoted" $HOME `x`'])
def test_path_with_characters_that_a_shell_knows(make: Make, name: str) -> None:
    repository = make(name, project=name)
    repository.insert()
    repository.add_migration(UNSAFE)

    assert_judged(repository)


def test_interpreter_in_a_path_with_spaces(repository: Repository, tmp_path: Path) -> None:
    folder = tmp_path / "its own"
    folder.mkdir()
    python = folder / "python"
    python.write_text(f'#!/bin/sh\ntouch "{folder}/used"\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    repository.insert()
    repository.hook.write_text(repository.hook.read_text().replace(sys.executable, f"'{python}'"))
    repository.add_migration(UNSAFE)

    assert_judged(repository)
    assert (folder / "used").exists()


def test_hook_runs_the_python_that_installed_it(repository: Repository) -> None:
    repository.insert()

    assert f"\npython={sys.executable}\n" in repository.hook.read_text()


def test_interpreter_that_is_gone(repository: Repository) -> None:
    repository.insert()
    repository.hook.write_text(repository.hook.read_text().replace(sys.executable, "/nowhere/python"))
    repository.add_migration(SAFE)

    done = repository.commit("Pages")

    assert done.returncode == 1
    assert "/nowhere/python" in done.stdout
    assert "insert_git_hooks" in done.stdout


def test_linked_worktree(repository: Repository, tmp_path: Path) -> None:
    repository.insert()
    other = tmp_path / "other tree"
    repository.git("worktree", "add", "--quiet", "-b", "pages", str(other))
    tree = Repository(other)
    tree.add_migration(UNSAFE)

    assert_judged(tree)
    assert repository.git("status", "--porcelain") == ""


def test_inserted_from_a_linked_worktree(repository: Repository, tmp_path: Path) -> None:
    other = tmp_path / "other"
    repository.git("worktree", "add", "--quiet", "-b", "pages", str(other))
    Repository(other).insert()
    repository.add_migration(UNSAFE)

    assert_judged(repository)


def test_repository_without_commits(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "new").with_project()
    repository.git("init", "--quiet")
    repository.insert()
    repository.add_migration(UNSAFE)

    assert repository.commit("All").returncode == 1
    assert repository.commit(f"All\n\n{TOKEN}").returncode == 0
    assert repository.commits() == 1


@pytest.mark.parametrize("relative", [True, False], ids=["relative", "absolute"])
def test_core_hooks_path(make: Make, tmp_path: Path, relative: bool) -> None:
    repository = make(project="web")
    folder = repository.folder / "my hooks" if relative else tmp_path / "all hooks"
    repository.git("config", "core.hooksPath", "my hooks" if relative else str(folder))
    repository.insert()
    assert (folder / "commit-msg").is_file()
    assert not repository.hook.exists()
    repository.add_migration(UNSAFE)

    assert_judged(repository)
    repository.insert("--remove")
    assert not (folder / "commit-msg").exists()


def test_hooks_of_several_repositories_in_one_folder(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "hooks"
    folder.mkdir()
    other_hook(folder / "commit-msg")
    first, second = make("first"), make("second")
    for repository in (first, second):
        repository.git("config", "core.hooksPath", str(folder))
        repository.insert()
    for repository in (first, second):
        repository.add_migration(UNSAFE)

    first.insert("--remove")

    assert second.commit("Pages").returncode == 1
    assert first.commit("Pages").returncode == 0
    second.insert("--remove")
    assert hooks(folder) == ["commit-msg"]
    assert (folder / "commit-msg").read_text() == OTHER


def test_two_projects_in_one_repository(make: Make) -> None:
    first = make(project="first")
    second = Repository(first.folder, "second").with_project()
    first.git("add", "--all")
    first.git("commit", "--quiet", "--message=Second")
    first.insert()
    second.insert()
    first.add_migration(UNSAFE)
    assert_judged(first)
    second.add_migration(UNSAFE)
    assert_judged(second)


def test_folder_of_hooks_that_cannot_be_one(repository: Repository) -> None:
    repository.git("config", "core.hooksPath", os.devnull)

    done = repository.manage("insert_git_hooks")

    assert done.returncode == 1
    assert done.stdout.startswith(f"CommandError: {os.devnull}")


def test_existing_hook_is_kept_and_decides_first(repository: Repository) -> None:
    other_hook(repository.hook)
    repository.insert()
    repository.add_migration(UNSAFE)

    refused = repository.commit(f"refused {TOKEN}")
    assert refused.returncode == 1
    assert "other: refused" in refused.stdout
    assert "ADD_COLUMN_NOT_NULL" not in refused.stdout
    assert "other: Pages" in repository.commit("Pages").stdout
    assert_judged(repository)


def test_existing_hook_comes_back(repository: Repository) -> None:
    other_hook(repository.hook)
    before = {path.name: path.read_bytes() for path in repository.hook.parent.iterdir()}
    repository.insert()

    assert "removed" in repository.insert("--remove")

    assert {path.name: path.read_bytes() for path in repository.hook.parent.iterdir()} == before
    assert os.access(repository.hook, os.X_OK)
    repository.add_migration(UNSAFE)
    assert repository.commit("Pages").returncode == 0


def test_existing_hook_that_git_would_not_run_is_not_run(repository: Repository) -> None:
    other_hook(repository.hook)
    repository.hook.chmod(0o644)
    repository.insert()
    repository.write("notes.txt", "nothing")
    repository.git("add", "--all")

    assert "other:" not in repository.commit("Notes").stdout
    repository.insert("--remove")
    assert not os.access(repository.hook, os.X_OK)


def test_existing_hook_that_is_a_link_stays_one(repository: Repository) -> None:
    other_hook(repository.folder / "check.sh")
    repository.hook.symlink_to("../../check.sh")
    repository.insert()
    assert not repository.hook.is_symlink()
    repository.write("notes.txt", "nothing")
    repository.git("add", "--all")
    assert "other: Notes" in repository.commit("Notes").stdout

    repository.insert("--remove")

    assert os.readlink(repository.hook) == "../../check.sh"
    assert (repository.folder / "check.sh").read_text() == OTHER


def test_inserted_twice(repository: Repository) -> None:
    other_hook(repository.hook)
    repository.insert()
    once = {path.name: path.read_bytes() for path in repository.hook.parent.iterdir()}

    repository.insert()

    assert {path.name: path.read_bytes() for path in repository.hook.parent.iterdir()} == once


def test_inserted_again_with_other_options(repository: Repository) -> None:
    repository.insert("--", "--without-database", "--strict")
    repository.insert()

    assert "--strict" not in repository.hook.read_text()


def test_inserted_again_after_the_repository_has_moved(repository: Repository, tmp_path: Path) -> None:
    repository.insert()
    moved = tmp_path / "moved"
    repository.folder.rename(moved)
    repository.folder = repository.project = moved
    repository.insert()
    repository.add_migration(UNSAFE)

    assert_judged(repository)
    assert hooks(repository.hook.parent) == ["commit-msg"]


def test_hook_that_another_tool_has_renamed(repository: Repository) -> None:
    repository.insert()
    legacy = repository.hook.with_name("commit-msg.legacy")
    repository.hook.rename(legacy)
    repository.hook.write_text('#!/bin/sh\nexec "$0.legacy" "$@"\n')
    repository.hook.chmod(0o755)
    repository.insert()
    repository.add_migration(UNSAFE)
    assert_judged(repository)

    repository.insert("--remove")

    assert not legacy.exists()
    assert "exec" in repository.hook.read_text()


def test_hook_that_another_tool_has_replaced(repository: Repository) -> None:
    other_hook(repository.hook)
    repository.insert()
    repository.hook.write_text("#!/bin/sh\necho newer\n")
    repository.hook.chmod(0o755)
    repository.insert()
    repository.add_migration(UNSAFE)
    assert "newer" in repository.commit("Pages").stdout

    repository.insert("--remove")

    assert "echo newer" in repository.hook.read_text()


def test_removed_where_there_is_none(repository: Repository) -> None:
    other_hook(repository.hook)

    assert "no hook" in repository.insert("--remove")

    assert repository.hook.read_text() == OTHER


def test_outside_of_a_repository(tmp_path: Path) -> None:
    site = Repository(tmp_path / "site").with_project()

    for arguments in (["insert_git_hooks"], ["insert_git_hooks", "--remove"]):
        done = site.manage(*arguments)
        assert done.returncode == 1
        assert done.stdout == (
            f"CommandError: {site.project} is not in a git repository: there is nothing to put a hook into.\n"
        )


def test_without_a_work_tree(tmp_path: Path) -> None:
    site = Repository(tmp_path / "site").with_project()
    site.git("init", "--quiet", "--bare", ".")

    done = site.manage("insert_git_hooks")

    assert done.returncode == 1
    assert "without a work tree" in done.stdout
    assert "Traceback" not in done.stdout


def test_without_git(repository: Repository, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "insert_git_hooks"],
        cwd=repository.project,
        env=repository.environment() | {"PYTHONPATH": str(ROOT), "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert done.stderr == "CommandError: git is not installed, or not on the PATH.\n"


def test_started_as_django_admin(repository: Repository) -> None:
    done = repository.run(
        sys.executable,
        "-m",
        "django",
        "insert_git_hooks",
        "--settings=site_settings",
        "--",
        "--without-database",
        folder=repository.project,
        PYTHONPATH=str(ROOT),
    )
    assert done.returncode == 0, done.stdout
    repository.add_migration(UNSAFE)

    assert_judged(repository)


ENTRIES = re.findall(r"^- id: (\S+)$.*?^  entry: ([^\n]+)$", (ROOT / ".pre-commit-hooks.yaml").read_text(), re.M | re.S)


@pytest.mark.parametrize("entry", [shlex.split(entry) for _, entry in ENTRIES], ids=[name for name, _ in ENTRIES])
def test_entry_for_the_pre_commit_framework(tmp_path: Path, database: BaseDatabaseWrapper, entry: list[str]) -> None:
    repository = Repository(tmp_path).with_project(database.settings_dict).started()
    message = repository.folder / "message"
    message.write_text("Pages")
    command = [sys.executable, *entry[1:]] + ([str(message)] if "git_hooks" in entry[-1] else [])
    assert entry[0] == "python"
    assert repository.run(*command, PYTHONPATH=str(ROOT)).returncode == 0

    repository.add_migration(UNSAFE)

    assert repository.run(*command, PYTHONPATH=str(ROOT)).returncode == 1
