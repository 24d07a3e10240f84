#!/usr/bin/python3
"""Cheap checks of the source text: layers, banned calls, sizes, format, shell and leftovers.

    tests/lint/check.py [NAME ...]      run the named checks, or all

Prints one line a finding, FILE:LINE: what is wrong, and for each check `ok NAME` or `not ok NAME`.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FUNCTION_LINES_MAX = 80
FILE_LINES_MAX = 700
FILE_LINES_NEVER = 1000

# Which folders a folder may include from. Only the simulator may join daemon and store.
LAYERS = {
    "include": set(),
    "common": {"common", "schema"},
    "daemon": {"daemon", "common", "schema"},
    "store": {"store", "common", "schema"},
    "client": {"client", "common"},
}

# A library's header is included by these files alone: path patterns.
LIBRARIES = {
    r"curl/": [r"daemon/link.*\.[ch]", r"tests/bench/.*"],
    r"openssl/": [r"common/crypto_.*\.[ch]", r"store/(tls|ca).*\.[ch]", r"tests/.*"],
    r"mbedtls/|psa/": [r"common/crypto_mbedtls.*\.[ch]"],
    r"libpq-fe": [r"store/storage_postgres.*\.[ch]"],
    r"sqlite3\.h": [r"common/(db|record_table).*\.[ch]", r"store/storage_sqlite.*\.[ch]",
                    r"daemon/(outbox|replica|drafts|db|people|overlay|access).*\.[ch]", r"tests/.*"],
    r"cbor\.h>": [r"common/cbor\.[ch]", r"tests/.*"],
    r"zstd": [r"common/(compress|body).*\.[ch]", r"schema/.*", r"tests/.*"],
    r"jansson": [r"common/(json|catalogue_json|entry_json|options|table).*\.[ch]", r"daemon/api.*\.[ch]",
                 r"daemon/(link|enrol|main|conf).*\.[ch]", r"client/.*", r"store/.*", r"tests/.*"],
    r"event2/": [r"common/(loop|http).*\.[ch]", r"daemon/(loop|api|link|main|enrol|host).*\.[ch]", r"store/.*\.[ch]",
                 r"tests/.*"],
}

BANNED = {
    "strcpy": "copies without a bound: snprintf or a buffer",
    "strcat": "appends without a bound: a buffer",
    "sprintf": "writes without a bound: snprintf or buffer_append_format",
    "vsprintf": "writes without a bound: vsnprintf",
    "strtok": "keeps hidden state",
    "atoi": "cannot tell an error from 0",
    "atol": "cannot tell an error from 0",
    "atof": "there are no reals here",
    "gets": "reads without a bound",
    "alloca": "stack by a size from outside",
    "system": "a shell by accident",
    "popen": "a shell by accident",
    "rand": "predictable: crypto_random, or a seeded generator that is passed in",
    "srand": "predictable and global",
}


def tracked(*suffixes):
    """Files of the project (tracked or new and not ignored) with one of the suffixes."""
    names = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True).stdout.split("\n")
    return [ROOT / n for n in names if n.endswith(suffixes) and (ROOT / n).is_file()]


def relative(path):
    return str(path.relative_to(ROOT))


def without_comments_and_strings(text):
    """The same lines with comments and literals blanked, so that a word in prose is no call."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text,
                  flags=re.S)


def check_layers():
    """client, daemon, store -> common -> include; a library's header stays in its module."""
    for path in tracked(".c", ".h"):
        name = relative(path)
        folder = name.split("/")[0]
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            found = re.match(r'\s*#\s*include\s*(<[^>]+>|"[^"]+")', line)
            if not found:
                continue
            header = found.group(1)
            top = header[1:].split("/")[0]
            if folder in LAYERS and top in LAYERS and top != "include" and top not in LAYERS[folder]:
                yield f"{name}:{number}: {folder} may not include {header}"
            for library, homes in LIBRARIES.items():
                if re.search(library, header) and folder in LAYERS:
                    if not any(re.fullmatch(home, name) for home in homes):
                        yield f"{name}:{number}: {header} is included by {', '.join(homes)} alone"


def check_banned():
    """Calls that are never right here."""
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
    for path in tracked(".c", ".h"):
        text = without_comments_and_strings(path.read_text(encoding="utf-8"))
        for number, line in enumerate(text.split("\n"), 1):
            for match in pattern.finditer(line):
                yield f"{relative(path)}:{number}: {match.group(1)}(): {BANNED[match.group(1)]}"


def functions(text):
    """(first line, number of lines) of each function body in our format: '{' and '}' in column 1."""
    start = None
    for number, line in enumerate(text.split("\n"), 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            yield start, number - start - 1
            start = None


def check_sizes():
    """Files and functions stay readable."""
    for path in tracked(".c", ".h", ".py"):
        text = path.read_text(encoding="utf-8")
        count = text.count("\n")
        reason = "file length:" in text[:4000]
        if count > FILE_LINES_NEVER or (count > FILE_LINES_MAX and not reason):
            yield (f"{relative(path)}:1: {count} lines: split it (over {FILE_LINES_MAX} needs a"
                   " line 'file length: reason' at its top)")
        if path.suffix == ".c":
            for first, lines in functions(text):
                if lines > FUNCTION_LINES_MAX:
                    yield f"{relative(path)}:{first}: function of {lines} lines, {FUNCTION_LINES_MAX} at most"


def check_format():
    """clang-format is law."""
    paths = [relative(p) for p in tracked(".c", ".h")]
    if not paths:
        return
    run = subprocess.run(["clang-format", "--dry-run", "-Werror", "--ferror-limit=1", *paths], cwd=ROOT,
                         capture_output=True, text=True)
    for line in run.stderr.split("\n"):
        if "error:" in line:
            yield line


def check_leftovers():
    """Nothing unfinished, nothing of one machine."""
    marks = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")  # in pieces: not a mark itself
    machine = re.compile(r"deb\.debian\.org|registry\.npmjs|/home/[a-z]+/|\.\./shared/")
    for path in tracked(".c", ".h", ".py", ".sh", ".sql", ".toml", ".build", ".md", ".cddl", ".yaml",
                        "/run", "/quickstart", "/install"):
        if path == Path(__file__).resolve():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if marks.search(line):
                yield f"{relative(path)}:{number}: unfinished: {line.strip()[:80]}"
            if machine.search(line) and not relative(path).startswith(".ci/"):
                yield f"{relative(path)}:{number}: names one machine: {line.strip()[:80]}"


def check_whitespace():
    """UTF-8, a newline at the end, no tabs in C, no trailing blanks."""
    for path in tracked(".c", ".h", ".py", ".sql", ".toml", ".build", ".md", ".cddl", ".yaml", "/run",
                        "/quickstart", "/install"):
        text = path.read_text(encoding="utf-8")
        if text and not text.endswith("\n"):
            yield f"{relative(path)}:1: no newline at the end of the file"
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip():
                yield f"{relative(path)}:{number}: trailing blanks"
            if "\t" in line and path.suffix in (".c", ".h"):
                yield f"{relative(path)}:{number}: a tab"


def check_shell():
    """Shell scripts parse."""
    for path in tracked("/run", "/quickstart", "/install", ".sh"):
        first = path.read_text(encoding="utf-8").split("\n", 1)[0]
        shell = "bash" if "bash" in first else "sh"
        run = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True)
        if "sh" in first and run.returncode:
            yield f"{relative(path)}:1: {run.stderr.strip()}"


CHECKS = {f.__name__.removeprefix("check_"): f for f in (
    check_layers, check_banned, check_sizes, check_format, check_leftovers, check_whitespace,
    check_shell)}


def main(names):
    unknown = [n for n in names if n not in CHECKS]
    if unknown:
        sys.exit(f"check.py: no check named {', '.join(unknown)}; there are {', '.join(CHECKS)}")
    bad = False
    for name in names or CHECKS:
        findings = list(CHECKS[name]())
        for finding in findings:
            print(finding)
        print(f"{'not ok' if findings else 'ok'} {name}")
        bad |= bool(findings)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
