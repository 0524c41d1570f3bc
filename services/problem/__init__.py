"""Problem details for HTTP APIs (RFC 9457)."""

from services.problem.handlers import install
from services.problem.problem import Problem

__all__ = ["Problem", "install"]
