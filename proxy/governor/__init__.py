"""ENGINE 2: watts stay under the limit. Synchronous, ``now`` passed in; replayable from its readings."""
