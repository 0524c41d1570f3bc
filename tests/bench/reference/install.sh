#!/usr/bin/env bash
# The reference for `up`: installs, by plain shell over SSH, what the roles install. No configuration, no proof.
# Expects a lab that was raised with `./sallyport up --hosts-only`, in MIRRORS the mirrors as lines of a hosts file, and in
# PROXY the bastion's address and the proxy's port.
set -euo pipefail
ssh_to() { ssh -F .sallyport/lab/ssh_config "$@"; }
install="sudo DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qy --no-install-recommends install"

ssh_to bastion1 "echo '$MIRRORS' | sudo tee -a /etc/hosts && sudo apt-get -q update && $install squid systemd-journal-remote &&
    printf 'http_port 3128\nhttp_access allow all\n' | sudo tee /etc/squid/squid.conf && sudo systemctl restart squid"

on() {
    local host=$1
    shift
    ssh_to "$host" "echo 'Acquire::http::Proxy \"http://$PROXY\";' | sudo tee /etc/apt/apt.conf.d/00proxy &&
        sudo apt-get -q update && $install $*"
}
on db1 postgresql-15 python3-psycopg2 systemd-journal-remote &
on broker1 rabbitmq-server systemd-journal-remote &
on web1 nginx-light systemd-journal-remote &
for host in edge1 core1 worker1 gateway1; do on "$host" systemd-journal-remote & done
for job in $(jobs -p); do wait "$job"; done
