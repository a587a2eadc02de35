"""Simulated edges: a Stratum pool and Stratum miners that are real programs with invented surroundings.

They are what the demo mines with, what the system tests put on both sides of the proxy, and an
independent check of its books. So nothing here uses the proxy's own message parser or its engines: the
pool computes headers and hashes with ``hashlib`` alone, and the miners know only what the wire told them.

Simulated means simulated: no device is imitated electrically, and a *firmware* here is a set of habits on
the wire, each with the source that reported it.
"""
