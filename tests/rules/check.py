#!/usr/bin/env python3
"""Holds the rooms apart: who may include what, and words that belong in no file. docs/architecture.md says why.

check.py [DIRECTORY]     checks what git knows there, new files included
check.py --self-test     shows for each rule a sample that breaks it and one that does not
"""
import pathlib, re, subprocess, sys, tempfile

# The floors of server/src, top to bottom: a file includes only its own floor and those before it.
FLOORS = "base config contract outbound auth hub adapter engine transport proxy rules api admin http app".split()

CODE = r"\.(cpp|hpp|h)$"
PUBLIC = r"^(sdk/\w+|server|wasm)/include/.*\.(hpp|h)$"
STD_NOT_IN_CORE = "thread|mutex|condition_variable|future|iostream|ostream|istream|sstream|fstream|cstdio|regex|locale|" \
    "random|format|expected|source_location|ranges|stop_token|memory_resource|coroutine|filesystem"
IO_LIBRARIES = r"#\s*include [<\"](boost/|openssl/|hiredis/|sys/|unistd\.h|netinet/)"
# name, files, what no line of them may match (comments are taken out of C++ first), sample that breaks it, one that does not
RULES = [
    ("core-without-libraries", r"^sdk/core/.*" + CODE, IO_LIBRARIES + r"|#\s*include [<\"](nlohmann/|spdlog/|yaml-cpp/)",
     ("sdk/core/src/a.cpp", "#include <boost/asio.hpp>"), ("sdk/core/src/a.cpp", '#include "roomcast/core/bytes.hpp"')),
    ("core-standard-headers", r"^sdk/core/.*" + CODE, rf"#\s*include <({STD_NOT_IN_CORE})>",
     ("sdk/core/src/a.cpp", "#include <thread>"), ("sdk/core/src/a.cpp", "#include <string>")),
    ("core-no-clock-no-chance", r"^sdk/core/.*" + CODE, r"\bnow\(\)|random_device|\brand\(|\bgetenv\b|\bsystem_clock\b",
     ("sdk/core/src/a.cpp", "auto t = clock::now();"), ("sdk/core/src/a.cpp", "void f(time_point now); // no now()")),
    ("core-never-throws", r"^sdk/core/.*" + CODE, r"\bthrow\b|\btry\s*\{|\bcatch\s*\(|\bdynamic_cast\b|\btypeid\b",
     ("sdk/core/src/a.cpp", "throw 1;"), ("sdk/core/src/a.cpp", "int thrown; // may not throw")),
    ("core-small-in-wasm", r"^sdk/core/.*" + CODE, r"std::regex|\bs?n?printf\(|\bstrto(d|f|ld)\(|std::sto[df]\(",
     ("sdk/core/src/a.cpp", "std::regex r;"), ("sdk/core/src/a.cpp", "from_chars(a, b, n);")),
    ("hub-is-pure", r"^server/src/hub/.*" + CODE, IO_LIBRARIES + r"|#\s*include <(thread|mutex|condition_variable|future|"
     r"iostream|fstream|random)>|\bnow\(\)|random_device",
     ("server/src/hub/a.cpp", "#include <mutex>"), ("server/src/hub/a.cpp", "#include <unordered_map>")),
    ("one-json-tree", PUBLIC, r"#\s*include [<\"](boost/beast|openssl/|nlohmann/json\.hpp)",
     ("server/include/roomcast/server/a.hpp", "#pragma once\n#include <nlohmann/json.hpp>"),
     ("sdk/client/include/roomcast/json.hpp", "#pragma once\n#include <nlohmann/json.hpp>")),
    ("samples-see-what-users-see", r"^samples/.*" + CODE, r"#\s*include \"(\.\./|.*\bsrc/)",
     ("samples/a/main.cpp", '#include "../../server/src/a.hpp"'), ("samples/a/main.cpp", "#include <roomcast/core/eio/packet.hpp>")),
    ("no-loose-ends", r"^(?!tests/rules/)", r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))",
     ("docs/a.md", "TO" + "DO later"), ("docs/a.md", "TO" + "DO(#12) later")),
    ("no-machine-no-registry", r"^(?!tests/rules/)",
     r"(?<![\w./-])/(work|farm|home/\w+|Users)/\w|registry\.\w+\.(org|com)|registry\.npmjs|deb\.debian\.org|"
     r"files\.pythonhosted|\"resolved\": *\"https?:", ("a/package-lock.json", '"resolved": "https://a.example/a.tgz"'),
     ("a/package-lock.json", '"version": "1.0.0"')),
]
EXEMPT = {"one-json-tree": r"roomcast/json\.hpp$"}


def text_of(path, raw):
    """What the rules look at: C++ without comments."""
    return re.sub(r"//[^\n]*|/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), raw, flags=re.S) if re.search(CODE, path) else raw


def findings(path, raw):
    text = text_of(path, raw)
    for name, files, banned, *_ in RULES:
        if re.search(files, path) and not re.search(EXEMPT.get(name, r"$^"), path):
            yield from ((name, n, line) for n, line in enumerate(text.split("\n"), 1) if re.search(banned, line))
    if re.search(r"\.(hpp|h)$", path) and not re.search(r"^#pragma once$", text, re.M):
        yield "pragma-once", 1, "#pragma once is missing"
    floor = re.match(r"server/src/(\w+)/", path)
    if floor and floor[1] in FLOORS:
        for n, line in enumerate(text.split("\n"), 1):
            other = re.match(r"#\s*include \"(?:\.\./)*(?:roomcast/server/|server/src/)?(\w+)/", line)
            if other and other[1] in FLOORS and FLOORS.index(other[1]) > FLOORS.index(floor[1]):
                yield "floors", n, f"{floor[1]} is above {other[1]}: {line.strip()}"
    elif floor:
        yield "floors", 1, f"{floor[1]} is no floor of server/src: name it in FLOORS"


def check(root):
    listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=root, capture_output=True, check=True)
    bad = files = 0
    for path in sorted(filter(None, listed.stdout.decode().split("\0"))):
        file = pathlib.Path(root, path)
        if not file.is_file() or b"\0" in (raw := file.read_bytes())[:8000]:
            continue
        files += 1
        for name, n, line in findings(path, raw.decode("utf-8", "replace")):
            bad += 1
            print(f"{path}:{n}: [{name}] {line.strip()[:120]}")
    print(f"rules: {files} files, {bad} findings")
    return bad > 0 or files == 0


def self_test():
    samples = [(name, bad, good) for name, _, _, bad, good in RULES] + [
        ("pragma-once", ("sdk/core/include/a.hpp", "int a;"), ("sdk/core/include/a.hpp", "#pragma once\nint a;")),
        ("floors", ("server/src/hub/a.cpp", '#include "engine/shard.hpp"'), ("server/src/engine/a.cpp", '#include "hub/room.hpp"')),
        ("floors", ("server/src/util/a.cpp", "int a;"), ("server/src/base/a.cpp", "int a;"))]
    wrong = 0
    for name, *pair in samples:
        for (path, text), expected in zip(pair, (True, False)):
            with tempfile.TemporaryDirectory() as root:  # through files and git, as in earnest
                file = pathlib.Path(root, path)
                file.parent.mkdir(parents=True)
                file.write_text(text + "\n")
                subprocess.run(["git", "init", "-q"], cwd=root, check=True)
                got = subprocess.run([sys.executable, __file__, root], capture_output=True, text=True)
            if (f"[{name}]" in got.stdout, got.returncode != 0) != (expected, expected):
                wrong += 1
                print(f"{name}: {path} should {'' if expected else 'not '}break it: {text!r}\n{got.stdout}{got.stderr}")
    print(f"rules: {2 * len(samples)} samples, {wrong} wrong")
    return wrong > 0


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(self_test() if arguments == ["--self-test"] else check(arguments[0] if arguments else "."))
