"""Evidence for who has to be convinced: what proof, live probe, counters and controls say of each flow.

`counters` and `shadow` read what was gathered, `judge` decides and is pure, and the other modules say the one result in
the forms that people and programs take: text, JSON, HTML, JUnit, SARIF.
"""
