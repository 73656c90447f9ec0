"""Large logs of the rig (biglog) for figures, and what all figures share."""
import json
import os
import statistics
import subprocess
import urllib.request


def figure(name, unit, values, goal=""):
    """One line: name, unit, median, spread (max / min - 1), and the goal."""
    if not values or min(values) <= 0:
        print("%-34s %-9s %9s %6s  %s" % (
            name, unit, "-", "-", "only root can see it" if unit == "MiB"
            else "lost in the noise"))
        return
    print("%-34s %-9s %9.2f %6.2f  %s" % (
        name, unit, statistics.median(values),
        max(values) / min(values) - 1, goal), flush=True)


class Big:
    """A biglog on the last processor, when there are two; its folder is made
    anew in tmp, or kept for the next time in keep."""

    def __init__(self, obj, tmp, name, size, *args, keep=None):
        self.dir = os.path.join(keep or tmp, "big-%s-%d" % (name, size))
        self.prog = os.path.join(obj, "tests/rig/biglog")
        self.opts = ["--dir", self.dir, "--size", str(size)] + list(args)
        cpus = os.cpu_count() or 1
        # all processors may hash; serving is one thread's work
        self.p = subprocess.Popen([self.prog, "serve"] + self.opts,
                                  stdout=subprocess.PIPE, text=True)
        line = self.p.stdout.readline()
        if not line:
            raise RuntimeError("biglog does not start")
        self.info = json.loads(line)
        self.size = size
        if cpus > 1:
            subprocess.run(["taskset", "-a", "-p", "-c", str(cpus - 1),
                            str(self.p.pid)], check=True,
                           stdout=subprocess.DEVNULL)
        os.chmod(self.dir, 0o755)
        with open(self.list("rfc6962")) as f:
            self.log_id = json.load(f)["operators"][0]["logs"][0]["log_id"]

    def list(self, form):
        return os.path.join(self.dir, "loglist-%s.json" % form)

    def get(self, what):
        with urllib.request.urlopen(self.info["admin"] + "/" + what,
                                    timeout=60) as a:
            return a.read()

    def stats(self):
        return json.loads(self.get("stats"))

    def cpu(self):
        s = self.stats()
        return s["user_s"] + s["sys_s"]

    def oracle(self, what="oracle"):
        """What must match of what is there now."""
        return [json.loads(x) for x in self.get(what).splitlines()]

    def want(self):
        return {(self.log_id, o["index"]) for o in self.oracle()}

    def stop(self):
        self.p.terminate()
        self.p.stdout.close()
        self.p.wait()
