"""The program with next to no memory for what no disk takes."""

from proxy.adapters.stores.ledger import journal
from proxy.cli import main

if __name__ == "__main__":
    journal.MOST_KEPT = 8_000
    main()
