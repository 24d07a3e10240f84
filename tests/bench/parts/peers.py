"""The peers from npm. Each that cannot be had or does not run is left out, with a note that says why."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from .programs import child, run

HERE = Path(__file__).resolve().parents[1] / "peers"
INSTALL_SECONDS = 1500  # two packages compile SQLite


def cache_folder():
    """Where the packages lie between runs: outside of the source tree, one folder for each lock file."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    return base / "pannier-bench" / digest


def install():
    """Install once; None, or why it is not possible."""
    folder = cache_folder()
    if not shutil.which("npm") or not shutil.which("node"):
        return "npm is not installed"
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name, folder)
        try:
            result = subprocess.run(["npm", "ci"], cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS)
        except subprocess.TimeoutExpired:
            return f"npm took longer than {INSTALL_SECONDS} s"
        if result.returncode != 0:
            lines = [line for line in result.stderr.splitlines() if "error" in line]
            return f"npm cannot install them: {lines[0] if lines else 'no reason given'}"
        (folder / "installed").touch()
    for script in HERE.glob("*js"):
        shutil.copy(script, folder)
    return None


class Peers:
    def __init__(self, build, scratch, note, wanted):
        self.folder, self.note = scratch / "peers", note
        self.out = {}  # peer -> why it is left out
        why = install() if wanted else "not asked for"
        self.wanted = why is None
        if why:
            note(f"peers left out: {why}")
            return
        self.folder.mkdir()
        self.rows, self.queue = self.folder / "rows.jsonl", self.folder / "queue.jsonl"
        program = build / "tests" / "bench" / "bench_json_rows"
        self.rows.write_text(run(program, 0, 25500))
        self.queue.write_text(run(program, 25500, 1000))
        self.number = 0

    def round(self, figures):
        if not self.wanted:
            return
        self.number += 1
        for name, measure in (("PowerSync", self.powersync), ("PouchDB, leveldb", self.pouchdb_leveldb),
                              ("PouchDB, SQLite", self.pouchdb_sqlite)):
            if name in self.out:
                continue
            try:
                measure(figures)
            except (RuntimeError, subprocess.SubprocessError, ValueError, OSError) as error:
                self.out[name] = str(error)
                self.note(f"{name} left out: {str(error)[-300:]}")

    def against(self, server, client):
        """Run a client against a fresh server: node scripts with their arguments; the client's result."""
        folder = self.folder / f"{client[0]}-{self.number}-{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        cache = cache_folder()
        process, port = child(["node", cache / server[0], *[str(word).format(folder=folder) for word in server[1:]]],
                              cwd=folder, stderr=subprocess.DEVNULL)
        try:
            output = run("node", cache / client[0],
                         *[str(word).format(folder=folder, port=port) for word in client[1:]], cwd=folder)
            return json.loads(output.splitlines()[-1])
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            shutil.rmtree(folder, ignore_errors=True)

    def powersync(self, figures):
        result = self.against(["powersync_server.js", self.rows, "{folder}/server.db"],
                              ["powersync.js", "{folder}", "{port}", self.queue, 25500])
        figures.add("powersync_first_sync", result["first_ms"])
        figures.add("powersync_push", result["push_ms"])
        figures.add("powersync_memory", result["rss_bytes"] / 1e6)

    def pouchdb(self, figures, adapter, name):
        result = self.against(["pouchdb_server.cjs", "{folder}", self.rows],
                              ["pouchdb.js", adapter, "{folder}", "{port}", self.queue, 25500])
        figures.add(f"{name}_first_sync", result["first_ms"])
        figures.add(f"{name}_push", result["push_ms"])
        if adapter == "leveldb":
            figures.add("pouchdb_memory", result["rss_bytes"] / 1e6)

    def pouchdb_leveldb(self, figures):
        self.pouchdb(figures, "leveldb", "pouchdb")

    def pouchdb_sqlite(self, figures):
        self.pouchdb(figures, "websql", "pouchdb_sqlite")
