"""Evidence for who has to be convinced: what proof, live probe, counters and controls say of each flow.

`collect` asks the fleet for what the proof's answers do not hold; `counters`, `since`, `probed` and `shadow` read what
was gathered; `judge` decides and is pure. The other modules say the one result in the forms that people and programs
take: text, JSON, HTML, JUnit, SARIF.
"""
