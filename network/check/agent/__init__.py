"""Programs that run on the hosts, as root, with their Python alone: they read and report, and decide nothing.

Each is sent as text, takes one JSON argument and prints one JSON value. They are never imported here.
"""
