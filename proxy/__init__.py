"""Pumpjack: the Stratum proxy of mining sites that make their own electricity."""

__version__ = "0.1.0.dev0"
