#!/usr/bin/env python3
"""Runs a real Apache Kafka broker (KRaft, one node) for one machine, in the foreground, on 127.0.0.1.

It needs a Java runtime (17 or later). Kafka itself comes from Maven Central through `mvn`, pinned, into a cache
directory, once. Only Python's standard library is used. Progress goes to standard error, a line each; when the broker
takes requests, one line of JSON goes to standard output: {"bootstrap": "127.0.0.1:PORT", "pid": of the broker, ...}.

    kafka_server.py --dir DIR [--port PORT] [--sasl USER:PASSWORD]
    kafka_server.py --install-only

It is for development and tests: no access control, reachable from this machine only, topics made on first use, tuned
for little memory and a quick start. The same DIR has the same data, and the same ports unless others are given. With
--sasl there is a second listener, "sasl_bootstrap", that takes SASL/PLAIN over plain text.
"""

import argparse
import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # no folder of it beside the scripts
from kafka_install import (
    Failure,
    command,
    die_with_parent,
    installed,
    java_program,
    random_id,
    say,
    take,
    write_properties,
)

PARTITIONS = 4
START_SECONDS = 90
STOP_SECONDS = 20
LOCK_SECONDS = 5
PORTS_TRIED = 3


# ---- configuration ---------------------------------------------------------------------------------------


def broker_properties(ports, data, sasl=None):
    listeners = {"PLAINTEXT": ports["client"], "CONTROLLER": ports["controller"]}
    protocols = {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"}
    settings = {}
    if sasl:
        user, password = sasl
        listeners["SASL"], protocols["SASL"] = ports["sasl"], "SASL_PLAINTEXT"
        settings["sasl.enabled.mechanisms"] = "PLAIN"
        settings["listener.name.sasl.plain.sasl.jaas.config"] = (
            f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";')
    addresses = {name: f"{name}://127.0.0.1:{port}" for name, port in listeners.items()}
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{ports['controller']}",
        "listeners": ",".join(addresses.values()),
        "advertised.listeners": ",".join(address for name, address in addresses.items() if name != "CONTROLLER"),
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
        "log.dirs": data,
        "auto.create.topics.enable": "true",
        "num.partitions": PARTITIONS,
        "default.replication.factor": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        # A group of one consumer gets its partitions at once, and a dead one's are free soon, if it asks for that.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 200,
        # The controller lets a broker that was killed come back after this time only (by default 9 s).
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
        "log.cleaner.dedupe.buffer.size": 8 << 20,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
        **settings,
    }


def free_port(taken):
    """A port that nobody listens on, below those that the system gives to outgoing connections: one of those could
    take it while the broker is down between a stop and the next start."""
    low = 32768
    with contextlib.suppress(OSError, ValueError), open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        low = int(file.read().split()[0])
    low = low if low > 12000 else 32768
    for _ in range(1000):
        port = random.randrange(low - 10000, low)
        if port not in taken and is_free(port):
            return port
    raise Failure("there is no free port on 127.0.0.1.")


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


# ---- running ---------------------------------------------------------------------------------------------


def stop_when_parent_is_gone(follow_stdin):
    """Ends this process like SIGTERM does when the one that started it has ended, even by kill -9.

    With `follow_stdin` that is the end of standard input, which the parent holds open: exact, and at once.
    Otherwise it is a new parent process id, looked at twice a second.
    """
    parent = os.getppid()

    def watch():
        if follow_stdin:
            with contextlib.suppress(OSError):
                while os.read(0, 4096):
                    pass
        else:
            while os.getppid() == parent:
                time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_SECONDS + 5)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


class PortTaken(Failure):
    """Somebody else listens where the broker is to listen."""


class Broker:
    """One directory's broker: its ports, its data, its process."""

    def __init__(self, folder, home, java, jvm, port, sasl):
        self.folder, self.home, self.java, self.jvm, self.port, self.sasl = folder, home, java, jvm, port, sasl
        self.child = self.lock = self.ports = None
        self.stopping = False

    def start(self):
        """Starts it and waits until it takes requests (or is told to stop)."""
        os.makedirs(self.folder, exist_ok=True)
        self.take_lock()
        kept = self.path("ports.json")
        for tried in range(1, PORTS_TRIED + 1):
            fresh = not os.path.exists(kept)
            self.choose_ports(kept)
            try:
                return self.start_once()
            except PortTaken:
                # Chosen ports that others have taken since then are chosen again; those that were promised are not.
                if not fresh or self.port or tried == PORTS_TRIED:
                    raise
                os.remove(kept)

    def path(self, name):
        return os.path.join(self.folder, name)

    def take_lock(self):
        """Two brokers never share a directory. The broker's process holds the lock too: this one may be killed."""
        self.lock = open(self.path("lock"), "a", encoding="utf-8")  # noqa: SIM115  held until the end
        deadline = time.monotonic() + LOCK_SECONDS  # for one that has just been killed
        while not take(self.lock):
            if time.monotonic() > deadline:
                raise Failure(f"another broker runs in {self.folder}. Stop it, or give another --dir.")
            time.sleep(0.05)

    def choose_ports(self, kept):
        self.ports = {}
        with contextlib.suppress(OSError, ValueError), open(kept, encoding="utf-8") as file:
            self.ports = json.load(file)
        if self.port:
            self.ports["client"] = self.port
        for name in ("client", "controller", *(["sasl"] if self.sasl else [])):
            if name not in self.ports:
                self.ports[name] = free_port(self.ports.values())
        with open(kept + ".new", "w", encoding="utf-8") as file:
            json.dump(self.ports, file)
        os.replace(kept + ".new", kept)

    def start_once(self):
        for name, port in self.ports.items():
            if not is_free(port) and (name != "sasl" or self.sasl):
                raise PortTaken(f"port {port} on 127.0.0.1, the broker's port for {name}, is taken by another process.")
        data = self.path("data")
        if not os.path.exists(data):
            self.format_storage(data)
        config, log = self.path("server.properties"), self.path("kafka.log")
        write_properties(config, broker_properties(self.ports, data, self.sasl))
        if os.path.exists(log):
            os.replace(log, log + ".1")
        with open(log, "wb") as output:
            self.child = subprocess.Popen(
                command(self.home, self.java, *self.jvm, "kafka.Kafka", config),
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=[self.lock.fileno()],
                preexec_fn=die_with_parent)  # noqa: PLW1509  only a system call, no lock is taken
        if self.stopping:  # a signal came before there was a child to tell
            self.stop()
        deadline = time.monotonic() + START_SECONDS
        while not self.stopping:
            if self.child.poll() is not None:
                raise self.ended()
            if knows_itself(self.ports["client"]):
                return
            if time.monotonic() > deadline:
                self.child.kill()
                raise Failure(f"the broker did not answer within {START_SECONDS} s; its log is {log}.")
            time.sleep(0.02)

    def format_storage(self, data):
        part = data + ".part"
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(os.path.join(self.home, "storage"), part)
        write_properties(os.path.join(part, "meta.properties"),
                         {"version": 1, "cluster.id": random_id(), "node.id": 1, "directory.id": random_id()})
        os.rename(part, data)

    def ended(self):
        """Why it ended by itself."""
        with open(self.path("kafka.log"), encoding="utf-8", errors="replace") as file:
            lines = file.read().strip().splitlines()
        if any("Address already in use" in line for line in lines):
            return PortTaken(f"a port of the broker ({self.ports}) is taken by another process.")
        # A Java stack trace says what is wrong at its beginning.
        wrong = [line for line in lines if " ERROR " in line or "Exception" in line or line.startswith("Error")]
        tail = "\n".join("  " + line for line in (wrong or lines)[:6])
        return Failure(f"the broker ended ({status_text(self.child.returncode)}); its log is {self.path('kafka.log')}:\n{tail}")

    def stop(self):
        """Asks it to end, and kills it if it does not in time. Returns at once."""
        self.stopping = True
        if self.child:
            with contextlib.suppress(ProcessLookupError):
                self.child.terminate()
            watch = threading.Timer(STOP_SECONDS, self.child.kill)
            watch.daemon = True
            watch.start()

    def announce(self):
        known = {"bootstrap": f"127.0.0.1:{self.ports['client']}", "pid": self.child.pid}
        if self.sasl:
            known["sasl_bootstrap"] = f"127.0.0.1:{self.ports['sasl']}"
        print(json.dumps(known), flush=True)


def status_text(status):
    return f"exit code {status}" if status >= 0 else f"signal {-status}"


def knows_itself(port):
    """Whether the broker answers a Metadata request (version 1, no topics) and names a broker: before that, clients
    get errors."""
    client = b"kafka_server.py"
    request = struct.pack(">hhih", 3, 1, 1, len(client)) + client + struct.pack(">i", 0)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection, connection.makefile("rb") as reply:
            connection.sendall(struct.pack(">i", len(request)) + request)
            _size, _correlation, brokers = struct.unpack(">iii", reply.read(12))
            return brokers > 0
    except (OSError, struct.error):
        return False


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", help="the directory that keeps everything")
    parser.add_argument("--port", type=int, help="the port for clients; else the directory's own")
    parser.add_argument("--sasl", metavar="USER:PASSWORD", help="add a listener with SASL/PLAIN")
    parser.add_argument("--stop-with-stdin", action="store_true", help="stop when standard input ends")
    parser.add_argument("--scratch", action="store_true", help="delete the directory after the broker has stopped")
    parser.add_argument("--install-only", action="store_true", help="make sure that there is a broker, and exit")
    args = parser.parse_args()
    if not args.install_only and not args.dir:
        parser.error("--dir is required")
    if args.port is not None and not 0 < args.port < 65536:
        parser.error("--port is a number from 1 to 65535")
    if args.sasl is not None:
        found = re.fullmatch(r"([A-Za-z0-9_.-]+):([!#-\[\]-~]+)", args.sasl)
        if not found:
            parser.error('--sasl takes USER:PASSWORD, the user of letters, digits and "_.-", '
                         'the password of visible ASCII without quotation marks and backslashes')
        args.sasl = found.groups()
    return args


def main():
    args = arguments()
    stop_when_parent_is_gone(args.stop_with_stdin)
    java = java_program()

    def short_life(home, jvm):
        with tempfile.TemporaryDirectory(prefix="minireipaz-kafka-") as folder:
            broker = Broker(folder, home, java, jvm, None, None)
            broker.start()
            broker.stop()
            broker.child.wait(START_SECONDS)

    home, archive = installed(java, lambda data: broker_properties({"client": 1, "controller": 2}, data), short_life)
    if args.install_only:
        return 0
    jvm = [f"-XX:SharedArchiveFile={archive}"] if archive else []
    broker = Broker(os.path.abspath(args.dir), home, java, jvm, args.port, args.sasl)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: broker.stop())
    say("starting")
    try:
        broker.start()
        if not broker.stopping:
            broker.announce()
        status = broker.child.wait() if broker.child else 0
    finally:
        if args.scratch:
            shutil.rmtree(args.dir, ignore_errors=True)
    if broker.stopping:
        # Java's own way to say that it ended as it was told to.
        return 0 if status in (0, 128 + signal.SIGTERM, 128 + signal.SIGINT) else 1
    say(f"error: the broker ended by itself ({status_text(status)}); its log is {broker.path('kafka.log')}")
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        say(f"error: {failure}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
