"""Policies that decide which pixels are recomputed, and the measurements they rest on. Pure numpy; knows plans alone."""
