-- forget: Forget messages that are done with, and keys, of which so many days are over
SELECT messages_gone, keys_gone
FROM forget_old(
    make_interval(days => %(messages_days)s::integer), make_interval(days => %(keys_days)s::integer), %(most)s::integer
);
