#!/usr/bin/env python3
"""Runs a server that speaks a cloud's protocol for files, in the foreground, on 127.0.0.1, with a place named `files`.

    object_store_server.py s3        moto, from PyPI
    object_store_server.py azure     Azurite, from npm (needs Node.js)
    object_store_server.py --install-only s3

(None that a registry has speaks what the library says to Google: its XML API.) Each comes from its registry, pinned, into the
cache directory, once. Only Python's standard library is used. When the
server answers, its port stands on standard output, alone on a line; progress goes to standard error. It stops when
standard input ends, and keeps nothing.

Exit code 69: it is not installed, and what it comes from is out of reach. For tests: nothing here is durable or safe.
"""

import argparse
import base64
import contextlib
import email.utils
import fcntl
import glob
import hashlib
import hmac
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from kafka_install import Failure, cache_dir, die_with_parent, say, take

OUT_OF_REACH = 69
START_SECONDS = 120
PLACE = "files"
OCTETS = "application/octet-stream"

# moto takes whatever all of Amazon's services need; what its S3 needs is this.
MOTO = [
    "moto==5.2.5", "boto3==1.44.8", "botocore==1.44.8", "s3transfer==0.19.3", "jmespath==1.1.0", "requests==2.34.2",
    "urllib3==2.8.0", "certifi==2026.10.19.post1", "charset-normalizer==3.5.3", "idna==3.20",
    "cryptography==50.0.2", "cffi==2.1.1", "pycparser==3.12", "xmltodict==1.0.4", "Werkzeug==3.1.9",
    "Jinja2==3.1.6", "MarkupSafe==3.0.4", "python-dateutil==2.9.0.post0", "six==1.17.0", "responses==0.26.3",
    "PyYAML==6.0.4", "py-partiql-parser==0.6.3", "Flask==3.1.3", "flask-cors==6.0.5", "blinker==1.9.0",
    "click==8.5.1", "itsdangerous==2.2.0",
]
AZURITE = "azurite@3.35.0"
# The account that every Azurite has, as its documentation prints it.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

# How pip and npm say that nobody answers; pip also by knowing no version at all.
UNREACHABLE = re.compile(
    r"from versions: none|NewConnectionError|ConnectTimeout|ReadTimeout|NameResolutionError|ProxyError|Connection(?:Reset|Refused)?Error|"
    r"ENOTFOUND|ECONNREFUSED|ECONNRESET|EAI_AGAIN|ETIMEDOUT|ENETUNREACH|network request|Network is unreachable")


class OutOfReach(Failure):
    """A registry does not answer."""


# ---- installing ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def only_one(path):
    """Holds a lock file; it is free again when the process ends, however it ends."""
    with open(path, "a", encoding="utf-8") as lock:
        if not take(lock):
            say("waiting for another process that installs the same")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def installed(name, words_for, needs):
    """The folder that `words_for(folder)` fills: a command that installs into it. Made once, all or nothing."""
    base = cache_dir()
    # What is pinned is part of the name, so that other versions are another folder.
    pinned = hashlib.sha256(" ".join(words_for("")).encode()).hexdigest()[:8]
    home = os.path.join(base, f"{name}-{pinned}")
    if os.path.exists(home):
        return home
    with only_one(home + ".lock"):
        if not os.path.exists(home):
            install(base, name, home, words_for, needs)
    return home


def install(base, name, home, words_for, needs):
    free = shutil.disk_usage(base).free
    if free < needs:
        raise Failure(f"{name} needs {needs // 1_000_000} MB in {base}, and {free // 1_000_000} MB are free. "
                      "Free some, or set MINIREIPAZ_CACHE to a directory on another disk.")
    say(f"installing {name} (once) into {home}")
    for left_over in glob.glob(os.path.join(base, f"{name}-*.part")):  # of an install that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    scratch = tempfile.mkdtemp(prefix=f"{name}-", suffix=".part", dir=base)
    try:
        words = words_for(scratch)
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}, cwd=scratch, check=False,
                              preexec_fn=die_with_parent)
        if done.returncode != 0:
            tail = "\n".join("  " + line for line in done.stdout.strip().splitlines()[-6:])
            kind = OutOfReach if UNREACHABLE.search(done.stdout) else Failure
            raise kind(f"{name} could not be installed by {' '.join(words[:4])} …:\n{tail}")
        os.chmod(scratch, 0o755)
        os.rename(scratch, home)  # a half-done install never has this name
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def by_pip(packages):
    return lambda folder: [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile",
                           "--only-binary", ":all:", "--disable-pip-version-check", "--no-input", "--target", folder,
                           *packages]


def by_npm(package):
    # Ours runs no scripts of packages; Azurite's blobs need none.
    return lambda folder: ["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--no-save", "--ignore-scripts",
                           "--omit=optional", package]


# ---- the servers -----------------------------------------------------------------------------------------


def moto(port, _data):
    home = installed("moto", by_pip(MOTO), 300_000_000)
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    return words, {"PYTHONPATH": home, "PYTHONDONTWRITEBYTECODE": "1"}


def moto_place(base):
    # Only the region is looked at.
    ask("PUT", f"{base}/{PLACE}", {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request"})


def azurite(port, data):
    if not (shutil.which("npm") and shutil.which("node")):
        raise OutOfReach("Azurite comes from npm, and there is no Node.js on the PATH")
    home = installed("azurite", by_npm(AZURITE), 500_000_000)
    program = os.path.join(home, "node_modules", "azurite", "dist", "src", "blob", "main.js")
    return ["node", program, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", data, "--silent",
            "--skipApiVersionCheck", "--disableTelemetry"], {}


def azurite_place(base):
    path = f"/{ACCOUNT}/{PLACE}"
    headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
    told = "".join(f"{name}:{value}\n" for name, value in headers.items())
    signed = f"PUT\n\n\n\n\n{OCTETS}\n\n\n\n\n\n\n{told}/{ACCOUNT}{path}\nrestype:container"
    code = hmac.new(base64.b64decode(ACCOUNT_KEY), signed.encode(), hashlib.sha256).digest()
    headers["Content-Type"] = OCTETS
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(code).decode()}"
    ask("PUT", f"{base}{path}?restype=container", headers)


SERVERS = {"s3": (moto, moto_place), "azure": (azurite, azurite_place)}


def ask(method, url, headers):
    request = urllib.request.Request(url, method=method, headers=headers, data=b"")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(request, timeout=START_SECONDS).close()
    except urllib.error.HTTPError as error:
        raise Failure(f"{method} {url}: {error.code} {error.read(400).decode(errors='replace')}") from error


# ---- running ---------------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def listens(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def run(kind):
    words_for, make_place = SERVERS[kind]
    with tempfile.TemporaryDirectory(prefix="object-store-") as data:
        port = free_port()
        words, environment = words_for(port, data)
        with open(os.path.join(data, "server.log"), "wb") as log:
            child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     env={**os.environ, **environment},
                                     preexec_fn=die_with_parent)  # noqa: PLW1509  only a system call, no lock is taken
        try:
            wait_until_it_answers(child, port, log.name)
            make_place(f"http://127.0.0.1:{port}")
            stop_when_parent_is_gone(child)
            print(port, flush=True)
            return 0 if child.wait() <= 0 else 1
        finally:
            child.kill()
            child.wait()


def wait_until_it_answers(child, port, log):
    until = time.monotonic() + START_SECONDS
    while not listens(port):
        if child.poll() is not None or time.monotonic() > until:
            with open(log, encoding="utf-8", errors="replace") as said:
                raise Failure(f"the server does not answer; it says: {said.read()[-2000:]}")
        time.sleep(0.05)


def stop_when_parent_is_gone(child):
    """Standard input is held open by the one that started this; its end is exact, and at once."""
    def watch():
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        child.kill()

    threading.Thread(target=watch, daemon=True).start()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=sorted(SERVERS))
    parser.add_argument("--install-only", action="store_true", help="make sure that there is a server, and exit")
    args = parser.parse_args()
    if args.install_only:
        SERVERS[args.kind][0](0, "")
        return 0
    return run(args.kind)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OutOfReach as failure:
        say(f"out of reach: {failure}")
        sys.exit(OUT_OF_REACH)
    except Failure as failure:
        say(f"error: {failure}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
