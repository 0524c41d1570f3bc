#!/bin/sh
# Whether Redis would take a redis.conf: it is started with it for a moment, without listeners and without data.
# sallyport-redis-check FILE
set -eu
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
grep -Ev '^(tls-port|bind|dir|appendonly|unixsocket|unixsocketperm|aclfile|supervised) ' "$1" >"$home/redis.conf"
redis-server "$home/redis.conf" --dir "$home" --unixsocket "$home/socket" --daemonize no >"$home/log" 2>&1 &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    if [ -S "$home/socket" ]; then
        kill "$server"
        wait "$server" 2>/dev/null || true
        exit 0
    fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
cat "$home/log" >&2
exit 1
