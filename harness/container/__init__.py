"""Containers, networks and images of the engine on this machine. Imported only by what runs on containers."""
