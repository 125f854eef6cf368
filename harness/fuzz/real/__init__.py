"""The engine of real processes and sockets: a plan carried out on a cluster under test, recorded and judged."""
