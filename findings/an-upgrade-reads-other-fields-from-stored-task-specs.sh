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
python3 -m venv "$place/venv"
pip() { "$place/venv/bin/pip" --disable-pip-version-check "$@"; }
pip install --quiet protobuf==6.33.0
for release in 2.49.2 2.60.0; do
  pip download --quiet --no-deps --dest "$place/wheels-$release" "ray==$release"
  # The messages alone: importing all of Ray would take its dependencies too.
  "$place/venv/bin/python" - "$place/wheels-$release" "$place/$release" <<'PYTHON'
import sys
import zipfile
from pathlib import Path

(wheel,) = Path(sys.argv[1]).glob("*.whl")
into = Path(sys.argv[2])
with zipfile.ZipFile(wheel) as archive:
    messages = [one for one in archive.namelist() if one.startswith("ray/core/generated/") and one.endswith("_pb2.py")]
    archive.extractall(into, messages)
for package in ("ray", "ray/core", "ray/core/generated"):
    (into / package / "__init__.py").touch()
PYTHON
done
cat >"$place/spec.py" <<'PYTHON'
import sys

from ray.core.generated.common_pb2 import TaskSpec

release = sys.argv[1]
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
    f"{verb} by {release}: actor id {made.actor_id.hex() or 'none'}, name {made.name!r}, "
    f"ray_namespace {made.ray_namespace!r}, restarts {made.max_actor_restarts}",
    file=out,
)
PYTHON
spec() { # spec RELEASE [ROW]: write a row with that release's message, or read it
  PYTHONWARNINGS=ignore PYTHONPATH="$place/$1" "$place/venv/bin/python" "$place/spec.py" "$@"
}
row=$(spec 2.49.2 2>"$place/seen")
spec 2.49.2 "$row" >>"$place/seen"
spec 2.60.0 "$row" >>"$place/seen"
cat "$place/seen"
diff "$place/seen" - <<'SEEN'
written by 2.49.2: actor id 61616161616161616161616101000000, name 'kept', ray_namespace 'prod', restarts -1
read by 2.49.2: actor id 61616161616161616161616101000000, name 'kept', ray_namespace 'prod', restarts -1
read by 2.60.0: actor id none, name '', ray_namespace 'kept', restarts 0
SEEN
