"""The files of the site that are to be copied into a project are valid, and their commands do what the page says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft7Validator

from tests.commands.repository import ROOT as PACKAGE
from tests.commands.repository import SAFE, UNSAFE, Repository
from tests.docs.pages import SITE
from tests.docs.test_site import parse

pytestmark = pytest.mark.slow

CI = SITE / "run-it" / "ci"
CONTAINERS = SITE / "run-it" / "containers"
GITHUB, GITLAB = CI / "github-actions.yml", CI / "gitlab-ci.yml"
SCHEMAS = {GITHUB: "github-workflows.json", GITLAB: "gitlab-ci.json"}
#: Programs of the runner's that a test does not have; each writes down what it was called with.
FAKES = ("gh",)
FAKE = '#!/bin/sh\necho "$0 $*" >> "{log}"\n'


def read(path: Path) -> Any:
    (found,) = yaml.safe_load_all(path.read_text("utf-8"))
    return found


class Checkout:
    """The checkout of a branch, in which a job runs its commands as a runner does.

    :param folder: a folder for it and for the repository that it comes from.
    """

    def __init__(self, folder: Path, operation: str, project: str = ".") -> None:
        folder.joinpath("origin").mkdir()
        origin = Repository(folder / "origin", project).with_project().started()
        origin.git("clone", "--quiet", str(origin.folder), str(folder / "checkout"))
        self.branch = Repository(folder / "checkout", project)
        self.branch.git("switch", "--quiet", "--create", "pages")
        self.branch.add_migration(operation)
        assert self.branch.commit("Pages").returncode == 0
        self.log = folder / "called"
        self.programs = folder / "programs"
        self.programs.mkdir()
        for name in FAKES:
            self._program(name, FAKE.format(log=self.log))
        self._program("python", f'#!/bin/sh\n[ "$2" = pip ] || exec {sys.executable} "$@"\n')

    def _program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        command = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script)
        return self.branch.run(*command, folder=self.branch.project, PATH=path, PYTHONPATH=str(PACKAGE), **variables)


@pytest.fixture(params=[UNSAFE, SAFE], ids=["unsafe", "safe"])
def checkout(request: pytest.FixtureRequest, tmp_path: Path) -> Checkout:
    return Checkout(tmp_path, request.param)


@pytest.fixture
def is_safe(request: pytest.FixtureRequest) -> bool:
    return "unsafe" not in request.node.callspec.id


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_file_for_ci_is_valid_by_the_published_schema(path: Path) -> None:
    schema = json.loads(files("check_jsonschema.builtin_schemas").joinpath("vendor", SCHEMAS[path]).read_text("utf-8"))
    text = path.read_text("utf-8")
    # In YAML 1.1, which PyYAML reads, "on" is true.
    found = yaml.safe_load(text.replace("\non:", '\n"on":'))

    assert [error.message for error in Draft7Validator(schema).iter_errors(found)] == []


def test_steps_of_github_actions_fail_for_an_unsafe_migration_and_comment_on_it(
    checkout: Checkout, is_safe: bool
) -> None:
    (job,) = read(GITHUB)["jobs"].values()
    steps = [step for step in job["steps"] if "run" in step]
    variables = {"GITHUB_BASE_REF": "main", "GITHUB_WORKSPACE": str(checkout.branch.folder), "PULL_REQUEST": "7"}
    done = [checkout.run(step["run"], **variables) for step in steps]

    assert [x.returncode for x in done] == ([0, 0, 0, 0] if is_safe else [0, 1, 1, 0])
    assert done[1].stdout.startswith("" if is_safe else "::error file=shop/migrations/0002_pages.py,line=7")
    verdict = "Nothing stops this deployment" if is_safe else "Not to be deployed like this"
    assert verdict in (checkout.branch.folder / "migrations.md").read_text("utf-8")
    assert checkout.log.read_text().endswith("gh pr comment 7 --edit-last --create-if-none --body-file migrations.md\n")
    # A step that has failed does not keep the comment from being written.
    assert [step.get("if", "").startswith("always()") for step in steps] == [False, False, True, True]


def test_script_of_gitlab_fails_for_an_unsafe_migration_and_leaves_its_reports(
    checkout: Checkout, is_safe: bool
) -> None:
    job = read(GITLAB)["migrations"]
    script = "\n".join(job["script"])
    done = checkout.run(script, CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main", CI_PROJECT_DIR=str(checkout.branch.folder))
    reports = {name: (checkout.branch.folder / path).read_text() for name, path in job["artifacts"]["reports"].items()}

    assert done.returncode == (0 if is_safe else 1), done.stdout
    assert len(json.loads(reports["codequality"])) == (0 if is_safe else 1)
    assert f'failures="{0 if is_safe else 1}"' in reports["junit"]


def test_paths_begin_at_the_top_of_a_repository_of_several_projects(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, UNSAFE, project="backend")
    (job,) = read(GITHUB)["jobs"].values()
    (step,) = [step for step in job["steps"] if step.get("name") == "Notes in the changed files"]
    done = checkout.run(step["run"], GITHUB_BASE_REF="main", GITHUB_WORKSPACE=str(checkout.branch.folder))

    assert done.stdout.startswith("::error file=backend/shop/migrations/0002_pages.py,line=7")


def containers(path: Path) -> list[list[str]]:
    """Return the commands of the containers of a file."""
    jobs = list(yaml.safe_load_all(path.read_text("utf-8")))
    return [one["command"] for job in jobs for one in job["spec"]["template"]["spec"]["containers"]]


@pytest.mark.parametrize("path", sorted(CONTAINERS.glob("*.yml")), ids=lambda path: path.name)
def test_kubernetes_takes_the_file(path: Path) -> None:
    for job in yaml.safe_load_all(path.read_text("utf-8")):
        kubernetes_validate.validate(job, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("path", sorted(CONTAINERS.glob("*.yml")), ids=lambda path: path.name)
def test_command_of_a_container_can_be_typed_and_has_no_shell(path: Path) -> None:
    for program, script, name, *arguments in containers(path):
        assert (program, script) == ("python", "manage.py")
        parse(name, arguments)


def test_command_of_the_release_phase_can_be_typed() -> None:
    processes = dict(line.split(": ", 1) for line in (CONTAINERS / "Procfile").read_text("utf-8").splitlines())
    _, _, name, *arguments = processes["release"].split()
    parse(name, arguments)


def test_each_file_is_shown_on_its_page() -> None:
    for page, folder in ((SITE / "run-it" / "ci.md", CI), (SITE / "run-it" / "containers.md", CONTAINERS)):
        text = page.read_text("utf-8")
        for path in folder.iterdir():
            assert f"{{literalinclude}} {folder.name}/{path.name}\n" in text
