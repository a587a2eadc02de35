"""The simulated plant: gas, generators, feeders, meters and miners, as one pure ``Plant.step``.

It is what the governor is proven against, so it knows nothing of the governor: commands go in, physics
happens, and what comes out is the truth beside what instruments would have told of it.
"""
