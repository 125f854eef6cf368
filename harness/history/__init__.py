"""What happened, written down as it happens: the history of a case, and the ledger of its store."""
