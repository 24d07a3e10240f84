#!/usr/bin/python3
"""The installed headers compile alone, as C99 -pedantic and as C++, and a program of each links with libpannier.

    headers.py INCLUDE-FOLDER LIBRARY-FOLDER
"""

import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM = """
#include <pannier/pannier.h>
int main(void)
{
        struct pannier *client = 0;
        char id[PANNIER_ID_SIZE];
        pannier_new_id(id);
        if (pannier_connect("/nowhere/pannier.sock", &client) != PANNIER_E_LINK)
                return 1;
        (void)pannier_free(client);
        return id[36] != 0 || pannier_connect_message()[0] == 0;
}
"""

COMPILERS = [
    ["cc", "-std=c99", "-x", "c"],
    ["c++", "-std=c++11", "-x", "c++"],
]
STRICT = ["-pedantic", "-Wall", "-Wextra", "-Werror"]


def main():
    include, library = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        for compiler in COMPILERS:
            for header in sorted(Path(include, "pannier").glob("*.h")):
                subprocess.run([*compiler, *STRICT, "-I", include, "-fsyntax-only",
                                str(header)], check=True)
            program = Path(folder, "program")
            subprocess.run([*compiler, *STRICT, "-I", include, "-o", str(program), "-", "-x", "none", "-L", library,
                            "-Wl,-rpath," + library, "-lpannier"], input=PROGRAM, text=True, check=True)
            subprocess.run([str(program)], check=True)


main()
