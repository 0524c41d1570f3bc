"""The proof that what is loaded on the fleet lets through what the policy allows, and nothing else.

Four layers, each using only those before it:

``engine``
    Interval decision diagrams: exact sets of packets, and functions of them.
``syntax``
    What iptables-save and ipset save print, as small frozen values, and back as text.
``semantics``
    What rules do: to all packets at once (`chains`, on the engine), and to one packet (`trace`, without it).
``fleet``
    What hosts answer, what each of them does with packets (`machine`), and how far packets get (`walk`).

On top stand the policy's packets (`intent`, `policy`), the claims (`endtoend`, `stages`, `states`), the counterexamples
(`story`, `cause`) and the result (`proof`, `report`).

Bounds. A condition that is not modelled (a rate, a mark, a process …) may hold or not. What gets through is then known
from above (everything that may) and from below (only what surely does). "Nothing extra" is shown for the former, and
"nothing missing" for the latter, so that neither can be shown wrongly.
"""
