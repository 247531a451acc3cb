"""What an auditor takes away: one folder that opens from a disk, with the verifier in it."""
