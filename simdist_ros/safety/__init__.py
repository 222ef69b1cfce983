"""Limits, operating modes and watchdogs: what stands between a plan and the joints."""
