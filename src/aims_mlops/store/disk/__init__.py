"""Files of ours on a disk: written whole or not at all, keys, and what waits for delivery."""
