"""Engine 1: work goes down, shares go up. Synchronous; ``now`` is passed in; no I/O."""
