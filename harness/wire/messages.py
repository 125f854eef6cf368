"""Every message and enum of the wire in one namespace: ``from harness.wire import messages as m``.

All code speaks these (the names and numbers of Ray 2.60.0); ``harness.wire.dialect`` turns
them into another release's numbers at the edge, and back.
"""

from harness.wire.protos import autoscaler_pb2
from harness.wire.protos.common_pb2 import *  # noqa: F403
from harness.wire.protos.gcs_pb2 import *  # noqa: F403
from harness.wire.protos.health_pb2 import *  # noqa: F403
from harness.wire.protos.pubsub_pb2 import *  # noqa: F403
from harness.wire.protos.raylet_pb2 import *  # noqa: F403
from harness.wire.protos.syncer_pb2 import *  # noqa: F403
from harness.wire.protos.tables_pb2 import *  # noqa: F403
from harness.wire.protos.worker_pb2 import *  # noqa: F403

autoscaler = autoscaler_pb2
