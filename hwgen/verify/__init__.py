# SPDX-License-Identifier: Apache-2.0
"""Golden = csim = RTL, and the first place where they are not."""
