# SPDX-License-Identifier: Apache-2.0
"""What the engineer who takes the design over finds around its RTL: each file here writes one part of it."""

from hwgen.handover.design import Design, Host, HostPort, Tensor
from hwgen.handover.hand_over import hand_over

__all__ = ["Design", "Host", "HostPort", "Tensor", "hand_over"]
