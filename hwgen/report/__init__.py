# SPDX-License-Identifier: Apache-2.0
"""What was built, for people and for machines."""
