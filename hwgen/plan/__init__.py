# SPDX-License-Identifier: Apache-2.0
"""Decides everything about an accelerator, and says why."""

from hwgen.plan.planner import make_plan
from hwgen.plan.types import Channel, Decision, Plan, Port, Process, Work

__all__ = ["Channel", "Decision", "Plan", "Port", "Process", "Work", "make_plan"]
