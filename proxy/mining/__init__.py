"""Proof of work, pure: difficulty, jobs, extranonces, version rolling, verdicts, vardiff, hashrate."""
