# SPDX-License-Identifier: Apache-2.0
"""One file for each operator; `base` tells what an operator is and finds them."""
