#!/bin/sh
# Print what a playbook could leave on a host, one thing a line. Logs, caches and what DPDK keeps in /run are left out.
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
dpkg-query --show --showformat='package ${Package} ${Version} ${db:Status-Status}\n'
apt-mark showmanual | sed 's/^/manual /'
sed 's/^/fstab /' /etc/fstab
sed -n 's/^\(hugetlbfs [^ ]* [^ ]* [^ ]*\).*/mount \1/p' /proc/mounts
for file in /sys/devices/system/node/node*/hugepages/hugepages-*/nr_hugepages; do echo "$file $(cat "$file")"; done
find /etc /var/lib /usr/sbin /mnt /run/openvswitch /var/log/openvswitch -maxdepth 1 -printf 'file %p %y %m %u\n' 2>/dev/null || true
find /etc/tmpfiles.d /etc/default /etc/alternatives /etc/systemd -printf 'file %p %y %l\n'
systemctl list-unit-files --no-legend | sed 's/^/unit /'
