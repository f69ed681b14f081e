# SPDX-License-Identifier: Apache-2.0
"""Small, pure, named steps from a source model to a verified integer graph."""
