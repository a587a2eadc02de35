"""The proof in virtual time: a simulated plant, scenarios, policies that steer it, and how well they do."""
