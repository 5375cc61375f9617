"""Finds Java and installs Apache Kafka for kafka_server.py: from Maven Central through `mvn`, pinned, into a cache
directory, once. Only Python's standard library is used."""

import base64
import contextlib
import ctypes
import glob
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

try:
    import fcntl
except ImportError:  # Windows
    sys.exit("error: the broker runs on Linux and macOS only; use one that you have elsewhere.")

VERSION, SCALA = "4.3.1", "2.13"
JAVA_AT_LEAST = 17
MAVEN_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
# Everything else that the broker needs follows from its own pom, whose versions are fixed. It brings no logging
# backend that writes anywhere; this one is the smallest.
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_{SCALA}</artifactId><version>{VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"""
# Compiling little and collecting simply starts faster than it runs slower, on a machine that is used by others too.
JVM = ["-XX:+UseSerialGC", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Djava.awt.headless=true"]
LOGGING = {"defaultLogLevel": "info", "showDateTime": "true", "dateTimeFormat": "HH:mm:ss.SSS",
           # They print every setting at every start.
           "log.org.apache.kafka.common.config.AbstractConfig": "warn", "log.kafka.server.KafkaConfig": "warn"}


class Failure(Exception):
    """Something that the person who started this can do something about."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def cache_dir():
    base = os.environ.get("MINIREIPAZ_CACHE") or os.path.join(os.path.expanduser("~"), ".cache", "minireipaz")
    os.makedirs(base, exist_ok=True)
    return base


def die_with_parent():
    """In a child, before its program starts: Linux kills it when this process is killed."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def random_id():
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


def write_properties(path, settings):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.writelines(f"{key}={str(value).replace(chr(92), chr(92) * 2)}\n" for key, value in settings.items())
    os.replace(path + ".new", path)


# ---- Java ------------------------------------------------------------------------------------------------


def java_program():
    """A Java runtime that is new enough: that of JAVA_HOME, else the one on the PATH."""
    seen = []
    home = os.environ.get("JAVA_HOME")
    for program in (home and os.path.join(home, "bin", "java"), shutil.which("java")):
        if not program or not os.access(program, os.X_OK):
            continue
        version = java_version(program)
        if version >= JAVA_AT_LEAST:
            return os.path.realpath(program)
        seen.append(f"{program} is {'of an unknown version' if version == 0 else f'version {version}'}")
    raise Failure(
        f"Kafka {VERSION} needs Java {JAVA_AT_LEAST} or later, and {' and '.join(seen) or 'there is none'}. "
        "Install a runtime (such as the package openjdk-17-jre-headless) so that `java` is on the PATH, or set JAVA_HOME."
    )


def java_version(program):
    """Its feature release, such as 17; 0 when it does not tell. A runtime's own file says it without starting it."""
    text = ""
    with contextlib.suppress(OSError):
        folder = os.path.dirname(os.path.dirname(os.path.realpath(program)))
        with open(os.path.join(folder, "release"), encoding="utf-8") as file:
            text = file.read()
    found = re.search(r'JAVA_VERSION="(?:1\.)?(\d+)', text)
    if not found:
        with contextlib.suppress(OSError):
            done = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
            found = re.search(r'version "(?:1\.)?(\d+)', done.stderr)
    return int(found.group(1)) if found else 0


def fingerprint(java):
    """Differs between runtimes and between their updates: a class archive fits one only."""
    changed = os.stat(java).st_mtime_ns
    return hashlib.sha256(f"{java} {changed}".encode()).hexdigest()[:16]


def command(home, java, *words):
    """How to run one of Kafka's classes."""
    # The order is part of what a class archive is checked against, so it must not be the folder's.
    jars = sorted(glob.glob(os.path.join(home, "libs", "*.jar")))
    logging = [f"-Dorg.slf4j.simpleLogger.{key}={value}" for key, value in LOGGING.items()]
    return [java, *JVM, *logging, "-cp", os.pathsep.join(jars), *words]


# ---- installing ------------------------------------------------------------------------------------------


def take(lock):
    """Takes the lock of an open file if nobody has it; it is free again when all who hold the file have ended."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def only_one(path):
    """Holds a lock file; it is free again when the process ends, however it ends."""
    with open(path, "a", encoding="utf-8") as lock:
        if not take(lock):
            say("waiting for another process that installs Kafka")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def installed(java, format_properties, short_life):
    """Where Kafka is, and its class archive for this Java (None without one); makes both first if need be.

    `format_properties(data)` are the settings to format a data directory with; `short_life(home, jvm)` starts a broker
    with these further words for Java and stops it.
    """
    base = cache_dir()
    home = os.path.join(base, f"kafka-{VERSION}")
    archive = os.path.join(home, f"classes-{fingerprint(java)}.jsa")
    if not os.path.exists(archive):
        with only_one(os.path.join(base, f"kafka-{VERSION}.lock")):
            if not os.path.exists(home):
                install(base, home, java, format_properties)
            if not os.path.exists(archive):
                make_archive(home, archive, short_life)
    return home, archive if os.path.getsize(archive) else None


def install(base, home, java, format_properties):
    maven = shutil.which("mvn")
    if not maven:
        raise Failure(
            f"Apache Kafka {VERSION} comes from Maven Central through `mvn`, and there is no `mvn` on the PATH. "
            "Install Maven (such as the package maven)."
        )
    free = shutil.disk_usage(base).free
    if free < 400_000_000:
        raise Failure(
            f"Kafka needs 400 MB of disk space in {base}, and {free // 1_000_000} MB are free. "
            "Free some, or set MINIREIPAZ_CACHE to a directory on another disk."
        )
    say(f"installing Apache Kafka {VERSION} (from Maven Central, 45 MB, once) into {home}")
    started = time.monotonic()
    for left_over in glob.glob(os.path.join(base, "kafka-*.part")):  # of an install that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    scratch = tempfile.mkdtemp(prefix="kafka-", suffix=".part", dir=base)
    try:
        pom, libs = os.path.join(scratch, "pom.xml"), os.path.join(scratch, "libs")
        with open(pom, "w", encoding="utf-8") as file:
            file.write(POM)
        run(f"mvn could not fetch Apache Kafka {VERSION}", "Check that `mvn` works and reaches Maven Central.",
            [maven, "-B", "-q", "-f", pom, MAVEN_PLUGIN, "-DincludeScope=runtime", f"-DoutputDirectory={libs}"])
        if not os.path.exists(os.path.join(libs, f"kafka_{SCALA}-{VERSION}.jar")):
            raise Failure(f"mvn brought no kafka_{SCALA}-{VERSION}.jar: its repository does not hold what was expected.")
        # What a fresh data directory holds takes a Java start of its own, and only ids differ: made once, then copied.
        storage, config = os.path.join(scratch, "storage"), os.path.join(scratch, "format.properties")
        write_properties(config, format_properties(storage))
        run("Kafka could not format its storage", f"Delete {home} and try again.",
            command(scratch, java, "kafka.tools.StorageTool", "format", "-t", random_id(), "-c", config))
        os.chmod(scratch, 0o755)
        os.rename(scratch, home)  # all or nothing: a half-done install never has this name
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    say(f"installed Apache Kafka in {time.monotonic() - started:.0f} s")


def run(what_failed, advice, words):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, preexec_fn=die_with_parent)
    if done.returncode != 0:
        tail = "\n".join("  " + line for line in done.stdout.strip().splitlines()[-6:])
        raise Failure(f"{what_failed}:\n{tail}\n{advice}")


def make_archive(home, archive, short_life):
    """Keeps what Java makes of Kafka's classes in a broker's short life: later starts take about half the time.

    Where that does not work, an empty file says so, and the broker starts without.
    """
    part = archive + ".part"
    try:
        short_life(home, [f"-XX:ArchiveClassesAtExit={part}"])
    except (Failure, subprocess.TimeoutExpired) as failure:
        say(f"no class archive, so the broker starts more slowly: {failure}")
    if not os.path.exists(part):
        with open(part, "wb"):
            pass
    os.replace(part, archive)
