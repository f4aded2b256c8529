#!/bin/sh
# Two network namespaces, `left` on br0 and `right` on br1. Their addresses are those of the guide's testers (section 5.1). A veth stays
# when ovs-vswitchd is restarted, where an internal port would be made anew. Checksums are calculated: the guest is no end of the path.
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
add() { # NAMESPACE BRIDGE MAC NETWORK
    ip netns add "$1"
    ip link add "to-$1" type veth peer name eth0 address "$3" netns "$1"
    ip link set "to-$1" up
    ip -n "$1" link set lo up
    ip -n "$1" link set eth0 up
    ip -n "$1" address add "$4.99/24" dev eth0
    ip -n "$1" route add default via "$4.2"
    ip netns exec "$1" ethtool --offload eth0 tx off >/dev/null
    ovs-vsctl --timeout=10 add-port "$2" "to-$1"
}
add left br0 de:ad:be:ef:ca:ee 1.1.1
add right br1 de:ad:be:ef:ca:fe 1.1.2
