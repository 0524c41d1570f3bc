"""The lab: the environment's hosts as containers on this machine, reached over SSH through the bastion.

What decides: `blueprint` (what should be), `plan` (what to change), `bootstrap`, `connection`, `sources`, `doctor` are
pure. What does: `engine`, `image`, `hosts`, `provision` and `status` run programs, all through `program` and `docker`.
"""
