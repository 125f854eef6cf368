"""What travels on the wire between GCS, raylets, workers and clients.

The leaf of the house: everything may import it, it imports nothing of ours.
"""
