"""Starting, finding and ending the sandbox's processes."""

import os
import signal
import socket
import subprocess
import time

from .box import Failure, read, write


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass

    # a zombie that nobody has collected, as in a chroot without an init

    return stat(pid)[0] != "Z"


def stat(pid):
    """State and the rest of /proc/PID/stat; unknown without a /proc."""

    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()
    except OSError:
        return ["?"]


def blind():
    """Without a /proc, as in a bare chroot, a pid file must be believed."""

    return not os.path.exists("/proc/self/stat")


def command(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            return f.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def program(pid):
    try:
        return os.readlink("/proc/%d/exe" % pid).replace(" (deleted)", "")
    except OSError:
        return ""


def pid_of(path):
    """The process that a pid file tells of, if it lives."""

    try:
        pid = int(read(path, "").split()[0])
    except (ValueError, IndexError):
        return None

    return pid if pid > 0 and alive(pid) else None


def all_pids():
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def listeners(port):
    """The processes that listen on a port of 127.0.0.1: what a killed master
    leaves behind has no pid file."""

    inodes = set()
    for line in read("/proc/net/tcp", "").splitlines()[1:]:
        words = line.split()
        if words[3] == "0A" and int(words[1].split(":")[1], 16) == port:
            inodes.add("socket:[%s]" % words[9])

    found = []
    if not inodes:
        return found

    for pid in all_pids():
        try:
            fds = os.listdir("/proc/%d/fd" % pid)
        except OSError:
            continue
        for fd in fds:
            try:
                link = os.readlink("/proc/%d/fd/%s" % (pid, fd))
            except OSError:
                continue
            if link in inodes:
                found.append(pid)
                break

    return found


def listens(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


def wait(condition, seconds, step=0.02):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(step)
    return True


def end(pids, first=signal.SIGTERM, patience=5):
    """Asks processes to end, and then makes them."""

    for kind, seconds in ((first, patience), (signal.SIGTERM, 2),
                          (signal.SIGKILL, 5)):
        pids = [pid for pid in pids if alive(pid)]
        for pid in pids:
            try:
                os.kill(pid, kind)
            except ProcessLookupError:
                pass
        if wait(lambda: not any(alive(pid) for pid in pids), seconds):
            return


def spawn(argv, log, pid_file, env=None):
    """A daemon of ours: its own session, its output in a log."""

    with open(log, "ab") as out:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=out, start_new_session=True, cwd="/",
                                 env=env)
    write(pid_file, "%d\n" % child.pid)
    return child


def run(argv, log=None, **kwargs):
    """A command that must succeed; what it says when it does not."""

    result = subprocess.run(argv, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, **kwargs)
    if log:
        with open(log, "a") as f:
            f.write(result.stdout)

    if result.returncode != 0:
        raise Failure("%s failed:\n%s%s" % (
            argv[0], result.stdout.rstrip(),
            "\n(see %s)" % log if log else ""))

    return result.stdout
