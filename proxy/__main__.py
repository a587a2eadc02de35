"""``python -m proxy`` is ``pumpjack``."""

from proxy.cli import main

if __name__ == "__main__":
    main(prog_name="pumpjack")
