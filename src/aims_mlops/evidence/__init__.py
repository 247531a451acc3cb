"""Records, canonical JSON, envelope, Merkle tree, checkpoint: the trust core, without I/O."""
