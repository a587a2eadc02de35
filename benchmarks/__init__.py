"""What Pumpjack costs, as ratios to C programs that do the same; see docs/benchmarks.md.

Not part of the installed program. ``./dev bench`` runs it from a checkout.
"""
