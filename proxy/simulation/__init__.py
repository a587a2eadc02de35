"""The proof in virtual time: a simulated plant, scenarios, policies that steer it, and figures of how well."""
