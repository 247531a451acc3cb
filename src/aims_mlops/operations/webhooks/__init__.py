"""Events for machines: what happened, as signed CloudEvents to addresses that aims.yaml names."""
