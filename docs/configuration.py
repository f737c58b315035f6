#!/usr/bin/env python3
"""Writes docs/configuration.md from server/config.schema.json, where every setting is described.

configuration.py           writes the page
configuration.py --check   says whether the page is as the schema has it
"""
import json, pathlib, sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCHEMA = json.loads((ROOT / "server/config.schema.json").read_text())
PAGE = ROOT / "docs/configuration.md"

HEAD = """# Configuration

This page is made by `docs/configuration.py` from [`server/config.schema.json`](../server/config.schema.json), which
`roomcast-server` itself checks a configuration with. Editors that know JSON Schema complete and check a file that begins with
`# yaml-language-server: $schema=…/config.schema.json`.

- One file, YAML or JSON: `roomcast-server --config FILE`. Without one the defaults hold.
- Precedence, highest first: flags, environment, file, defaults. Of several variables of a setting the first that is set and not
  empty wins.
- Every setting is a flag by its path: `--port 4000`, `--cors.origin https://app.example`, or `--set port=4000`. A list is parted
  by commas; what is marked *YAML* takes YAML or JSON text.
- In the file `${NAME}` is the value of an environment variable and `${NAME:-text}` has a default; a variable without a default
  that is not set, or empty, is a mistake, and the server does not start. `$${` stands for `${`.
- Times are `500ms`, `25s`, `2m`, `1h`, `1d` or a number of milliseconds; sizes `64KiB`, `1MB` or a number of bytes; rates
  `10/s`, `100/m`, `5/10s`, `10/s burst 20` (so many at once; without it as many as in one period) or `off`.
- `roomcast-server check FILE` prints every mistake with its line; `--print-config` what is in force, secrets masked.
- SIGHUP reads everything again. What is marked *live* changes at once, for what happens from then on; for the rest the log says
  that a restart is needed. A file with mistakes changes nothing.
"""


def resolve(node):
    return SCHEMA["definitions"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def shown(value):
    return "" if value is None else "`" + cell(json.dumps(value, ensure_ascii=False) if not isinstance(value, str) or value == "" else value) + "`"


def settings(node, path, lines):
    """Rows for the settings right here, then a section for each group."""
    rows, groups = [], []
    for key, inner in node["properties"].items():
        inner = resolve(inner)
        full = f"{path}.{key}" if path else key
        (rows if "x-kind" in inner else groups).append((full, inner))
    if rows:
        lines += ["| setting | default | environment | meaning |", "|---|---|---|---|"]
        for full, inner in rows:
            marks = [inner["description"]]
            if "x-expected" in inner:
                marks.append(f"*{inner['x-expected']}*")
            if inner["x-kind"] == "yaml":
                marks.append("(YAML)")
            if inner.get("x-live"):
                marks.append("(live)")
            names = ", ".join(f"`{name}`" for name in inner["x-env"])
            lines.append(f"| `{full}` | {shown(inner.get('default'))} | {names} | {cell(' '.join(marks))} |")
        lines.append("")
    for full, inner in groups:
        lines += [f"### {full}", "", inner["description"], ""]
        settings(inner, full, lines)


def members(node, lines):
    required = node.get("required", [])
    lines += ["| member | default | meaning |", "|---|---|---|"]
    for key, inner in node["properties"].items():
        inner = resolve(inner)
        words = inner.get("description", "")
        expected = inner.get("x-expected")
        if expected:
            words += f" *{expected}*"
        if key in required:
            words += " (required)"
        lines.append(f"| `{key}` | {shown(inner.get('default'))} | {cell(words)} |")
    lines.append("")


def page():
    lines = [HEAD, "## Settings", ""]
    settings(SCHEMA, "", lines)
    definitions = SCHEMA["definitions"]
    for title, name, words in [
        ("A provider", "provider", "Each entry of `auth.providers`."),
        ("A namespace", "namespace", "Each entry of `namespaces`. [The rule language](rules.md) explains it by examples."),
        ("An event that clients send", "event", "Each entry of a namespace's `events`."),
        ("An event that the server sends", "sent", "Each entry of a namespace's `emits`."),
        ("Actions", "action", "The steps of `do`, `on_connect`, `on_disconnect` and `else`, one member each."),
        ("A path of state", "state_path", "Each entry of `state`."),
        ("A webhook", "webhook", "Each entry of `webhooks`."),
        ("Presence", "presence", definitions["presence"]["description"]),
        ("Typing", "typing", definitions["typing"]["description"]),
    ]:
        lines += [f"## {title}", "", words, ""]
        members(definitions[name], lines)
        for key, inner in definitions[name]["properties"].items():
            inner = resolve(inner)
            if name in ("action", "event", "namespace", "webhook") and inner.get("properties") and key not in ("presence", "typing"):
                lines += [f"### {key}", ""]
                members(inner, lines)
    return "\n".join(lines).rstrip("\n") + "\n"


def main():
    wanted = page()
    if "--check" in sys.argv[1:]:
        if PAGE.read_text() != wanted:
            sys.exit("docs/configuration.md is not as server/config.schema.json has it: run docs/configuration.py")
        print("docs/configuration.md is as the schema has it")
    else:
        PAGE.write_text(wanted)


main()
