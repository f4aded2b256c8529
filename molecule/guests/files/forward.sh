#!/bin/sh
# In the guest: forward until the next boot, by hand. libvirt gives the NICs other PCI addresses than the unit of backend qemu, and so other
# names, for which the role guest_forwarding would have to run again; it is not what is tested with libvirt.
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
for nic in /sys/class/net/*; do
    name=${nic##*/}
    case $(cat "$nic/address") in
    00:00:00:00:00:01) address=1.1.1.2/24 ;;
    00:00:00:00:00:02) address=1.1.2.2/24 ;;
    *) continue ;;
    esac
    ethtool -L "$name" combined 2 2>/dev/null || true # it has them already
    ip address replace "$address" dev "$name"
    ip link set "$name" up
done
sysctl --quiet --write net.ipv4.ip_forward=1
