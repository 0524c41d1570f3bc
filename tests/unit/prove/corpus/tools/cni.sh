# CNI plugins 1.1.1 (bridge, portmap, firewall): two containers as a Kubernetes node without kube-proxy attaches them.
set -e
mount -t tmpfs none /mnt && mkdir -p /mnt/lib /mnt/run && mkdir -p /var/lib/cni && mount --bind /mnt/lib /var/lib/cni && mount --bind /mnt/run /run
for n in 0; do ip link add eth$n type veth peer name wire$n; ip link set wire$n up; ip addr add 10.$n.0.1/24 dev eth$n; ip link set eth$n up; done; ip link set lo up
ip route add default via 10.0.0.254
export CNI_PATH=/usr/lib/cni CNI_COMMAND=ADD CNI_IFNAME=eth0
add() { # id name ports
    ip netns add $1
    export CNI_CONTAINERID=$1 CNI_NETNS=/run/netns/$1
    net="\"cniVersion\":\"0.4.0\",\"name\":\"$2\""
    result=$(echo "{$net,\"type\":\"bridge\",\"bridge\":\"cni0\",\"isGateway\":true,\"ipMasq\":true,\"ipam\":{\"type\":\"host-local\",\"ranges\":[[{\"subnet\":\"10.88.0.0/24\"}],[{\"subnet\":\"2001:db8:88::/64\"}]]}}" | /usr/lib/cni/bridge)
    echo "{$net,\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true},\"snat\":true,\"runtimeConfig\":{\"portMappings\":$3},\"prevResult\":$result}" | /usr/lib/cni/portmap
    echo "{$net,\"type\":\"firewall\",\"backend\":\"iptables\",\"ingressPolicy\":\"same-bridge\",\"prevResult\":$result}" | /usr/lib/cni/firewall
}
add one front '[{"hostPort":8080,"containerPort":80,"protocol":"tcp"},{"hostPort":5353,"containerPort":53,"protocol":"udp","hostIP":"10.0.0.1"}]'
add two front '[{"hostPort":8443,"containerPort":443,"protocol":"tcp"}]'
