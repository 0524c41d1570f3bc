"""Drills on the running application: something breaks while requests come in, and afterwards everything is counted.

`faults` break, `load` brings requests and remembers what was accepted, `ledger` counts what came of it, `catalogue`
puts them together. For a lab: a drill kills and cuts for real, though everything that it changes undoes itself.
"""
