"""An address of the GCS that can be given up and taken at another IP.

A real ``gcs_server`` binds every interface unless told 127.0.0.1 (``gcs_server.cc``: the
constructor; seen on 2.60.0), so on one machine it would still answer at an IP that it left.
It therefore always listens on 127.0.0.1, and what moves is this front: a proxy at another
loopback IP that passes bytes through.
"""

from __future__ import annotations

from harness.proxy import TcpProxy


class Front(TcpProxy):
    """Passes connections on while open, and takes the faults of a link like any proxy.

    ``open(address, port)`` listens there while the GCS does; ``close()`` stops that and cuts every
    connection, as the end of a host does. Both may be called again.
    """
