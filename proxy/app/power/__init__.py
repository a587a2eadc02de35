"""The governor beside the relay: composed here, since the two engines do not know each other."""
