#!/usr/bin/env python3
"""Prints a connector file with its ${env:NAME} filled in from the environment.

Confluent Cloud takes configurations as they are; it fills in nothing. (Kafka Connect and `minireipaz bridge` fill in
by themselves.) What is printed holds secrets: hand it on in a pipe, or delete it after use.

    connector_config.py connectors/confluent-cloud/tasks-http-sink.json
"""

import json
import os
import re
import sys

PLACEHOLDER = re.compile(r"\$\{env:(\w+)\}")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: connector_config.py FILE")
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            connector = json.load(file)
        config = connector["config"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"error: {sys.argv[1]} is not a connector file: {error}")
    missing = sorted({name for value in config.values() for name in PLACEHOLDER.findall(value) if not os.environ.get(name)})
    if missing:
        sys.exit(f"error: {sys.argv[1]} needs {', '.join(missing)} in the environment")
    for key, value in config.items():
        config[key] = PLACEHOLDER.sub(lambda found: os.environ[found[1]], value)
    print(json.dumps(connector, indent=2))


if __name__ == "__main__":
    main()
