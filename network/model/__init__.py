"""What the policy and the inventory mean: zones, hosts, services and flows, as small frozen values."""

from network.model.fleet import External, Fleet, Host, Leg, Zone
from network.model.flow import Endpoint, Flow, HttpGuard, Service
from network.model.policy import Model
from network.model.types import Address, Network

__all__ = [
    "Address",
    "Endpoint",
    "External",
    "Fleet",
    "Flow",
    "Host",
    "HttpGuard",
    "Leg",
    "Model",
    "Network",
    "Service",
    "Zone",
]
