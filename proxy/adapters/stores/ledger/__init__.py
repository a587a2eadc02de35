"""The ledger on disk: SQLite, a file for each day's batches and one index that can be made anew from them."""
