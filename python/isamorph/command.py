"""Runs the isamorph command."""
import os
import shlex
import subprocess


class IsamorphError(Exception):
    """What the command said when it refused its input or could not do its work."""


def command():
    """The command as a list: $ISAMORPH, split as a shell does, else `isamorph` of $PATH."""
    return shlex.split(os.environ.get("ISAMORPH", "")) or ["isamorph"]


def run(*arguments):
    """Standard output of `isamorph ARGUMENTS`. Raises IsamorphError unless its exit status is 0."""
    try:
        done = subprocess.run([*command(), *map(str, arguments)], capture_output=True, text=True,
                              check=False)
    except FileNotFoundError as error:
        raise IsamorphError(f"there is no command {command()[0]!r}; install isamorph, or let "
                            "$ISAMORPH name it") from error
    if done.returncode != 0:
        raise IsamorphError((done.stderr or done.stdout).strip())
    return done.stdout


def write_whole(path, text, executable=False):
    """Writes a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o755 if executable else 0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
