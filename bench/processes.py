"""Child processes of a measurement: start pinned, read their CPU time and memory, stop by pid."""

import contextlib
import ctypes
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

PR_SET_PDEATHSIG = 1


class BenchError(Exception):
    """Something that the reader of the message can put right; printed without a traceback."""


def cores():
    """The (proxy, tools) core sets. On one core both are the same, and figures say less."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) == 1:
        return [available[0]], [available[0]]
    return [available[0]], [available[1]]


def free_ports(count):
    """`count` different ports that were free on loopback a moment ago."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class Process:
    """A started child and, for its figures, all its descendants.

    Ends with the `with` block, and with this process if that is killed outright.
    """

    def __init__(self, command, log, on_cores, stdout=None):
        self.command = [str(part) for part in command]
        self.log = pathlib.Path(log)
        self.on_cores = list(on_cores)

        def prepare():
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            os.sched_setaffinity(0, on_cores)

        with open(self.log, "wb") as sink:
            try:
                self._child = subprocess.Popen(
                    self.command, stdin=subprocess.DEVNULL, stdout=stdout or sink, stderr=sink,
                    preexec_fn=prepare)
            except OSError as error:
                raise BenchError(f"{self.command[0]}: {error.strerror}") from error
        self.pid = self._child.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def stdout(self):
        return self._child.stdout

    def stop(self, timeout_s=30):
        """Asks to stop, insists after the time-out. Returns the status."""
        if not self.ended():
            descendants = self.pids()[1:]
            self._child.terminate()
            try:
                self._child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                for pid in [self.pid] + descendants:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                self._child.wait()
        return self._child.returncode

    def ended(self):
        return self._child.poll() is not None

    def fail_if_ended(self):
        if self.ended():
            raise BenchError(f"{' '.join(self.command)}\nended with status "
                             f"{self._child.returncode}:\n{self.last_words()}")

    def last_words(self):
        return self.log.read_text(errors="replace")[-2000:]

    def pids(self):
        """This process, then its descendants."""
        found = [self.pid]
        for pid in found:
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    children = pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text()
                    found += [int(child) for child in children.split()]
        return found

    def cpu_by_thread_ns(self):
        """CPU time so far, user and system, by (pid, thread, name), from the scheduler's
        nanosecond clock (/proc/PID/task/TID/schedstat)."""
        times = {}
        for pid in self.pids():
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    base = pathlib.Path(f"/proc/{pid}/task/{task}")
                    spent = int((base / "schedstat").read_text().split()[0])
                    times[pid, int(task), (base / "comm").read_text().strip()] = spent
        return times

    def cpu_ns(self):
        return sum(self.cpu_by_thread_ns().values())

    def rss_bytes(self):
        total = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith("VmRSS:"):
                        total += int(line.split()[1]) * 1024
        return total


def wait_ready(process, port, timeout_s):
    """Returns when GET /readyz on `port` answers 200."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        process.fail_if_ended()
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
            connection.request("GET", "/readyz")
            status = connection.getresponse().status
            connection.close()
            if status == 200:
                return
        time.sleep(0.05)
    raise BenchError(f"{' '.join(process.command)}\nis not ready after {timeout_s} s:\n"
                     f"{process.last_words()}")


@contextlib.contextmanager
def scratch_folder():
    """A temporary folder; SIGTERM unwinds like Ctrl-C, so that everything started is stopped."""
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="mainstay-bench-") as folder:
            yield pathlib.Path(folder)
    finally:
        signal.signal(signal.SIGTERM, previous)
