"""What is observed on the hosts, and what follows from it: controls, probes and their verdicts.

Reading (`agent`, `shell`), deciding (`controls`, `reach`, `verdict`) and doing (`temporary`) are modules of their own;
what decides never touches a host.
"""
