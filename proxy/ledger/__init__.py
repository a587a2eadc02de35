"""THE LEDGER'S RULES, pure: what is recorded, how it is chained, folded, summed up and shared out."""
