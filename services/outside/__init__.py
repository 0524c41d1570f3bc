"""Stand-ins for the world outside, in labs only: a mail provider, Telegram's and VK's message calls.

Thin but real: real TLS, real SMTP with STARTTLS and AUTH, the providers' own shapes of call and answer. What they were
given is kept in memory. On the loopback interface an operator sees it at `GET /received`, and tells the stand-ins at
`PUT /faults/{channel}` to fail, throttle, refuse, hang or cut the line.
"""
