"""The GCS as a pure state machine: ``step(state, event, now) -> (state, effects)``.

No socket, clock, thread, process or gRPC here: the shell (or a simulation) feeds events and
carries out effects, and may crash between any two of them.
"""
