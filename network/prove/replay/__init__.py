"""The proof held against the kernels: packets are really sent, and what each host does with them is watched.

What a host did is seen without touching it: a packet socket shows what came by the wire and what left by it, behind all
rules and translations, and a raw socket what was taken in, behind INPUT. Each packet carries a word of its own by which
it is known again wherever it turns up.
"""
