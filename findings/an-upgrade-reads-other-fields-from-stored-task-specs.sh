#!/usr/bin/env bash
# ray 2.60.0 reads other fields from the actor task specs that ray 2.49.2 has stored, and no error is raised.
#
# Behaviour: with a Redis, a GCS keeps the task spec of each actor as a serialized TaskSpec, so that it can restart the
# actor. Ray 2.50.0 renumbered the fields of ActorCreationTaskSpec: each number above 1 went down by one. The row does
# not say which release wrote it. A cluster that is upgraded in place, on the same Redis and namespace, therefore reads
# an actor without an id, whose Ray namespace is the actor's name. Here the message of each release's own wheel writes
# and reads the same bytes.
#
# Versions: ray 2.49.2 and 2.60.0, protobuf 6.33.0; CPython 3.11, Linux x86_64.
# Output seen:
#   written by 2.49.2: actor id 61616161616161616161616101000000, name 'kept', ray_namespace 'prod', restarts -1
#   read by 2.49.2: actor id 61616161616161616161616101000000, name 'kept', ray_namespace 'prod', restarts -1
#   read by 2.60.0: actor id none, name '', ray_namespace 'kept', restarts 0
# The script fails if a line changes. It needs network access to PyPI and takes about a minute.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
for release in 2.49.2 2.60.0; do
  python3 -m venv "$place/$release"
  "$place/$release/bin/pip" install --quiet --disable-pip-version-check "ray==$release" protobuf==6.33.0
done
cat >"$place/spec.py" <<'PYTHON'
import sys

from ray import __version__
from ray.core.generated.common_pb2 import TaskSpec

if len(sys.argv) == 2:
    spec = TaskSpec()
    made = spec.actor_creation_task_spec
    made.actor_id, made.name, made.ray_namespace = b"a" * 12 + b"\1\0\0\0", "kept", "prod"
    made.is_detached, made.max_actor_restarts = True, -1
    print(spec.SerializeToString().hex())
    verb, out = "written", sys.stderr
else:
    made = TaskSpec.FromString(bytes.fromhex(sys.argv[2])).actor_creation_task_spec
    verb, out = "read", sys.stdout
print(
    f"{verb} by {__version__}: actor id {made.actor_id.hex() or 'none'}, name {made.name!r}, "
    f"ray_namespace {made.ray_namespace!r}, restarts {made.max_actor_restarts}",
    file=out,
)
PYTHON
export PYTHONWARNINGS=ignore
row=$("$place/2.49.2/bin/python" "$place/spec.py" write 2>"$place/seen")
for release in 2.49.2 2.60.0; do
  "$place/$release/bin/python" "$place/spec.py" read "$row" >>"$place/seen" 2>/dev/null
done
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
written by 2.49.2: actor id 61616161616161616161616101000000, name 'kept', ray_namespace 'prod', restarts -1
read by 2.49.2: actor id 61616161616161616161616101000000, name 'kept', ray_namespace 'prod', restarts -1
read by 2.60.0: actor id none, name '', ray_namespace 'kept', restarts 0
SEEN
