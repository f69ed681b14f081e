# SPDX-License-Identifier: Apache-2.0
"""Renders a plan: HLS C++, RTL shell, project files. Templates decide nothing."""
