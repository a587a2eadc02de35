"""The program as a process, as the system tests start it."""

from tests.system.conftest import launch

__all__ = ["launch"]
