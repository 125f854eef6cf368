"""What the harness costs: ``make bench``."""
