"""What makes the log tamper-evident: leaves, the Merkle tree, checkpoints and whose keys count."""
