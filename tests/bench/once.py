"""One `certvigil run --once` on a database of its own, and what it cost."""
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time


def descendants(pid):
    """A process and everything below it, as numbers."""
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            kids = f.read().split()
    except OSError:
        return []
    return [pid] + [x for k in kids for x in descendants(int(k))]


def pss_kib(pid):
    """Memory of a process tree; pages that are shared count once.  None when
    it may not be read: only root sees that of sandboxed processes."""
    total = 0
    for p in descendants(pid):
        try:
            with open("/proc/%d/smaps_rollup" % p) as f:
                total += int(re.search(r"^Pss:\s+(\d+)", f.read(),
                                       re.M).group(1))
        except PermissionError:
            return None
        except (OSError, AttributeError):
            pass        # it has just ended
    return total


class Once:
    """prog: certvigil.  database: a connection string of a running server in
    which databases may be made.  pin: processors as for taskset -c.  extra:
    more lines of the configuration."""

    def __init__(self, prog, database, pin=None, timeout=900, extra=""):
        self.prog, self.database = prog, database
        self.pin, self.timeout, self.extra = pin, timeout, extra
        self.count = 0

    def sql(self, text):
        subprocess.run(["psql", "-X", "-q", "-d", self.database, "-c", text],
                       check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def run(self, log_list, watch_file):
        """Read all of log_list once.  A dict: cpu_s of all processes, reaped,
        PostgreSQL's apart; wall_s; pss_mib, the highest sum seen each 50 ms;
        exit; matches, a set of (log id, index)."""
        self.count += 1
        name = "cvbench_%d_%d" % (os.getpid(), self.count)
        tmp = tempfile.mkdtemp(prefix="cvbench-")
        os.chmod(tmp, 0o755)
        conf = os.path.join(tmp, "c.yaml")
        db = re.sub(r"\bdbname=\S+", "", self.database) + " dbname=" + name
        with open(conf, "w") as f:
            f.write("database: %s\nstate_dir: %s/state\nstart: beginning\n"
                    "contact: https://bench.example.org/\n"
                    "log_list: {file: %s, signature_key: none}\n"
                    "watch_file: %s\n"
                    "egress: {allow_private: [127.0.0.0/8]}\n%s" %
                    (json.dumps(db), tmp, log_list, watch_file,
                     self.extra))
        self.sql("create database " + name)
        try:
            return self.measure([self.prog, "--config", conf])
        finally:
            self.sql("drop database if exists %s with (force)" % name)
            shutil.rmtree(tmp, ignore_errors=True)

    def measure(self, cv):
        # the schema is no part of the measurement
        subprocess.run(cv + ["db", "migrate"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seen, stop = [0], threading.Event()
        pin = ["taskset", "-c", self.pin] if self.pin else []
        r0, t0 = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
        p = subprocess.Popen(pin + cv + ["run", "--once"],
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True,
                             start_new_session=True)

        def look():
            while not stop.is_set():
                seen.append(pss_kib(p.pid))
                stop.wait(0.05)
        th = threading.Thread(target=look)
        th.start()
        try:
            err = p.communicate(timeout=self.timeout)[1]
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
            err = "no end in %d s" % self.timeout
        wall = time.time() - t0
        r1 = resource.getrusage(resource.RUSAGE_CHILDREN)
        stop.set()
        th.join()
        out = subprocess.run(cv + ["matches", "--json"], check=True,
                             capture_output=True, text=True).stdout
        got = [json.loads(x) for x in out.splitlines() if x.strip()]
        return {"cpu_s": r1.ru_utime + r1.ru_stime - r0.ru_utime -
                r0.ru_stime, "wall_s": wall,
                "pss_mib": 0 if None in seen else max(seen) / 1024,
                "exit": p.returncode, "stderr": err[-400:],
                "matches": {(m["log_id"], m["index"]) for m in got}}
