#!/usr/bin/env python3
"""Checks an output of `vercel build`: every function is there, and nothing is published but public/.

    vercel_output.py .vercel/output

Without a folder of its own for what is published, the CLI would publish all sources.
"""

import json
import os
import sys


def files(folder):
    for place, _, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(place, name), folder)


def functions(output):
    """Functions of the output: path and size of the program."""
    folder = os.path.join(output, "functions")
    for place, folders, _ in os.walk(folder):
        for name in [name for name in folders if name.endswith(".func")]:
            function = os.path.join(place, name)
            with open(os.path.join(function, ".vc-config.json"), encoding="utf-8") as file:
                config = json.load(file)
            program = config.get("filePathMap", {}).get(config["handler"]) or os.path.join(function, config["handler"])
            yield os.path.relpath(function, folder).removesuffix(".func"), os.path.getsize(program), config


def problems(output):
    with open(os.path.join(output, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    if config.get("version") != 3:
        yield f"config.json has version {config.get('version')}, not 3"
    routes = [route.get("dest", "").split("?")[0] for route in config.get("routes", [])]
    built = {path: (size, settings) for path, size, settings in functions(output)}
    sources = {os.path.join("api", name).removesuffix(".rs") for name in files("api") if name.endswith(".rs")}
    for path in sorted(sources - built.keys()):
        yield f"{path}.rs has no function"
    for path in sorted(built.keys() - sources):
        yield f"the function {path} has no source"
    for path, (size, settings) in sorted(built.items()):
        print(f"  {path:<34} {size / 1e6:5.1f} MB   at most {settings.get('maxDuration', 300)} s")
        if "[" in path and f"/{path}" not in routes:
            yield f"no route leads to {path}"
        if settings.get("runtime") != "executable" or not settings.get("supportsResponseStreaming"):
            yield f"{path} is not a program that streams its answers"
    published, public = set(files(os.path.join(output, "static"))), set(files("public"))
    for name in sorted(published - public):
        yield f"{name} would be published, and is not in public/"
    print(f"  {len(built)} functions, {len(published)} published files, {len(routes)} routes in {output}")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: vercel_output.py DIR")
    found = list(problems(sys.argv[1]))
    for problem in found:
        print(f"error: {problem}", file=sys.stderr)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
