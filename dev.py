#!/usr/bin/env python3
"""The two commands of a fresh machine, which needs only Python 3.10 or newer and git:

python3 dev.py demo      migrate a busy table with a million rows, ours beside stock Django's
python3 dev.py test      run the tests; what follows goes to pytest, for example -k retry

Both make a virtual environment in .venv and start a PostgreSQL of their own.
"""

# This file has to run on older Pythons, at least as far as to find a newer one.
import errno
import glob
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys

OLDEST = (3, 10)
ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
# Beside the folder, since uv takes none that has something in it. It is there from before the first file of .venv is
# written until the last one is, so that what was interrupted is made again from the beginning.
UNFINISHED = os.path.join(ROOT, ".venv-unfinished")
# Tests that stand together share what has been made for them: as long as there is work for all, each process has some
# that do.
COMMANDS = {"demo": ["-m", "example.demo"], "test": ["-m", "pytest", "-n", "auto", "--dist", "worksteal"]}


def main(arguments):
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__.strip())
        return 0 if arguments and arguments[0] in ("-h", "--help") else 2
    if sys.version_info < OLDEST:
        return run([newer_python(), os.path.abspath(__file__)] + arguments)  # noqa: RUF005
    if os.path.exists(UNFINISHED) or not os.path.exists(VENV_PYTHON):
        make_environment()
    if python_version(VENV_PYTHON) < OLDEST:
        sys.exit("The Python in .venv does not run or is older than 3.10: remove the folder .venv and try again.")
    install(extra=arguments[0])
    # More than there are cores: many tests wait, for a lock or for a process of their own.
    os.environ.setdefault("PYTEST_XDIST_AUTO_NUM_WORKERS", str(cores() + 1))
    return run([VENV_PYTHON, *COMMANDS[arguments[0]], *arguments[1:]])


def run(command):
    """Like the shell: the exit code, also after Ctrl-C, which the command has received as well."""
    process = subprocess.Popen(command, cwd=ROOT)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass


def cores():
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def newer_python():
    names = ["python3.%d" % minor for minor in range(20, OLDEST[1] - 1, -1)]  # noqa: UP031
    found = [path for path in map(shutil.which, names) if path]
    versions = os.path.join(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv"), "versions")
    found += sorted(glob.glob(os.path.join(versions, "3.*", "bin", "python")), reverse=True)
    for path in found:
        if python_version(path) >= OLDEST:
            return path
    sys.exit("This needs Python 3.10 or newer; {} is {}.{}.".format(sys.executable, *sys.version_info))


def python_version(python):
    """(0,) for what does not run, such as the shim of a Python that is not active."""
    command = [python, "-c", "import sys; print(*sys.version_info[:2])"]
    try:
        text = subprocess.check_output(command, stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return (0,)
    return tuple(int(number) for number in text.split())


def make_environment():
    # Debian and Ubuntu keep both in a package of their own, and without it `venv` leaves half a folder behind.
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        how, command = "", [sys.executable, "-m", "venv", VENV]
    elif shutil.which("uv"):
        how, command = " with uv", ["uv", "venv", "--quiet", "--seed", "--python", sys.executable, VENV]
    else:
        sys.exit(
            "This Python cannot make a virtual environment: it lacks venv or ensurepip.\n"
            "On Debian and Ubuntu install them with: apt-get install python3-venv\n"
            "or install uv (https://docs.astral.sh/uv/), which does without; then run this again."
        )
    if os.path.exists(UNFINISHED):
        shutil.rmtree(VENV, ignore_errors=True)
    if os.path.lexists(VENV):
        sys.exit("There is a .venv without a Python: remove it and try again.")
    with open(UNFINISHED, "w"):
        pass
    print("Making a virtual environment in .venv" + how, flush=True)
    code, said = quietly(command)
    if code:
        sys.exit(said + "The virtual environment in .venv could not be made: the message above says why.")
    os.remove(UNFINISHED)


def quietly(command):
    """The exit code and the output, of which nothing is shown after Ctrl-C."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        said = process.communicate()[0]
    except KeyboardInterrupt:
        # It has received that as well, and writes no longer.
        process.wait()
        raise
    return process.returncode, said.decode("utf-8", "replace")


def install(extra):
    """Install the project with what this command needs, unless that has been done since pyproject.toml changed."""
    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        wanted = hashlib.sha256(file.read()).hexdigest()
    stamp = os.path.join(VENV, "installed-" + extra)
    if os.path.exists(stamp):
        with open(stamp) as file:
            if file.read() == wanted:
                return
    if quietly([VENV_PYTHON, "-c", "import pip"])[0]:
        sys.exit("The Python in .venv has no pip: remove the folder .venv and try again.")
    print("Installing what `" + extra + "` needs into .venv", flush=True)
    pip = [VENV_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.call([*pip, "--editable", ROOT + "[" + extra + "]"], cwd=ROOT):
        sys.exit("pip could not install it: the message above says why.")
    with open(stamp, "w") as file:
        file.write(wanted)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("Interrupted. Run the command again: it begins where it has to.")
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        place = error.filename, error.strerror
        sys.exit("{} cannot be written ({}): copy the checkout to a folder of your own.".format(*place))
