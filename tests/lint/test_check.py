"""Each check finds what it is there to find: a planted offence in a scratch repository."""

import importlib.util
import subprocess
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("check", Path(__file__).with_name("check.py"))
check = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check)

OFFENCES = {
    "layers: a daemon that includes the store": (
        "layers", "daemon/a.c", '#include "store/judge.h"\n', "daemon may not include"),
    "layers: common that includes the daemon": (
        "layers", "common/a.c", '#include "daemon/outbox.h"\n', "common may not include"),
    "layers: curl outside of the link": (
        "layers", "daemon/session.c", "#include <curl/curl.h>\n", "alone"),
    "layers: OpenSSL in the store's engine": (
        "layers", "store/judge.c", "#include <openssl/evp.h>\n", "alone"),
    "banned: a call": ("banned", "common/a.c", "int f(void)\n{\n        return atoi(x);\n}\n", "atoi"),
    "sizes: a long function": (
        "sizes", "common/a.c", "int f(void)\n{\n" + "        x();\n" * 81 + "}\n", "81 lines"),
    "sizes: a long file": ("sizes", "common/a.h", "int a;\n" * 701, "701 lines"),
    "format: wrong indentation": ("format", "common/a.c", "int f(void)\n{\n  return 1;\n}\n", "a.c"),
    "leftovers: an unfinished mark": ("leftovers", "common/a.c", "/* TO" "DO: later */\n", "unfinished"),
    "whitespace: a trailing blank": ("whitespace", "common/a.c", "int a; \n", "trailing"),
    "shell: a script that does not parse": ("shell", "tests/run", "#!/bin/sh\nif true\n", "run"),
}


def findings(tmp_path, monkeypatch, name, path, text):
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(text)
    (tmp_path / ".clang-format").write_text((check.ROOT / ".clang-format").read_text())
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    monkeypatch.setattr(check, "ROOT", tmp_path)
    return list(check.CHECKS[name]())


@pytest.mark.parametrize("offence", OFFENCES)
def test_finds(tmp_path, monkeypatch, offence):
    name, path, text, expected = OFFENCES[offence]
    found = findings(tmp_path, monkeypatch, name, path, text)
    assert found and expected in found[0], found


def test_a_banned_word_in_a_comment_or_a_string_is_no_call(tmp_path, monkeypatch):
    text = '/* atoi() is banned */\nconst char *a = "system(x)";\nint my_rand(void);\n'
    assert findings(tmp_path, monkeypatch, "banned", "common/a.c", text) == []
