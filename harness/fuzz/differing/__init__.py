"""One plan over several targets: what of their answers and final states can be compared, and what differs."""
