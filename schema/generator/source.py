"""One TOML file with the line of each of its keys, which tomllib does not tell."""
import re
import tomllib

HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?")
KEY = re.compile(r'^\s*(?:"([^"]+)"|([A-Za-z0-9_-]+))\s*=')
STRING = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'')
POSITION = re.compile(r" \(at line (\d+), column \d+\)")


class Problems(list):
    """What is wrong, as "file:line: reason"."""

    def add(self, path, line, reason):
        self.append(f"{path}:{line}: {reason}")


class Source:
    """data: the parsed table. lines: path of keys and element numbers, such as ("field", 0, "options", 2) → line."""

    def __init__(self, path, problems):
        self.path = path
        self.problems = problems
        self.data = {}
        self.lines = {(): 1}
        try:
            text = path.read_text(encoding="utf-8")
            self.data = tomllib.loads(text)
        except (OSError, UnicodeDecodeError) as error:
            problems.add(path, 1, f"cannot be read: {error}")
        except tomllib.TOMLDecodeError as error:
            at = POSITION.search(str(error))
            problems.add(path, at.group(1) if at else 1, f"not TOML: {POSITION.sub('', str(error))}")
        else:
            self._scan(text)

    def _scan(self, text):
        """Follow headers, keys and brackets. Strings over several lines are not used in the catalogue."""
        table, key, depth, counts, element = (), (), 0, {}, 0
        for number, line in enumerate(text.splitlines(), 1):
            bare = STRING.sub('""', line).split("#")[0]
            if depth == 0:
                header, entry = HEADER.match(line), KEY.match(line)
                if header:
                    table = self._table(header, counts)
                    self.lines[table] = number
                    continue
                if entry:
                    key, element = table + (entry.group(1) or entry.group(2),), 0
                    self.lines[key] = number
            for character in bare.split("=", 1)[-1] if depth == 0 else bare:
                if character in "[{":
                    if depth == 1 and character == "{":
                        self.lines[key + (element,)] = number
                        element += 1
                    depth += 1
                elif character in "]}":
                    depth -= 1

    @staticmethod
    def _table(header, counts):
        names = tuple(header.group(2).split("."))
        if header.group(1) == "[":
            return names
        counts[names] = counts.get(names, -1) + 1
        return names + (counts[names],)

    def line(self, *keys):
        """The line of the longest part of the path that is known."""
        while keys not in self.lines:
            keys = keys[:-1]
        return self.lines[keys]

    def problem(self, keys, reason):
        self.problems.add(self.path, self.line(*keys), reason)

    def take(self, table, keys, spec):
        """The values of a table by its spec: key → (type or types, required, default). Tells of all others."""
        taken = {}
        for key in table:
            if key not in spec:
                self.problem(keys + (key,), f"unknown key {key!r}; known here: {', '.join(sorted(spec))}")
        for key, (types, required, default) in spec.items():
            taken[key] = default
            if key not in table:
                if required:
                    self.problem(keys, f"missing {key}")
            elif not isinstance(table[key], types) or (isinstance(table[key], bool) and types is int):
                self.problem(keys + (key,), f"{key} cannot be {table[key]!r}")
            else:
                taken[key] = table[key]
        return taken
