#!/bin/sh
# Print what a playbook could leave on a host, one thing a line. Logs, caches and what DPDK keeps in /run are left out.
# With the argument `boot`, also what is a host's own only where it is a machine: the kernel's arguments, drivers, boot files.
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
test "${1-}" = boot || exit 0
sed 's/^/arguments /' /proc/cmdline
sed 's/^/isolated /' /sys/devices/system/cpu/isolated
sed 's/^/interrupts /' /proc/irq/default_smp_affinity
for device in /sys/bus/pci/devices/*; do echo "driver ${device##*/} $(basename "$(readlink "$device/driver" || echo none)")"; done
for nic in /sys/class/net/*; do echo "nic ${nic##*/} $(cat "$nic/address")"; done
find /etc /boot -type f -exec sha256sum {} + | sed 's/^/content /'
systemctl --failed --no-legend --plain | sed 's/^/failed /'
