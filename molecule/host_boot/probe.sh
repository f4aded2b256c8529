#!/bin/sh
# Print what a booted host is, as YAML: by the commands of Open vSwitch, /proc and /sys, and by frames that go through both NICs.
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu
one() { # one KEY COMMAND...: the output as a single string
    key=$1
    shift
    printf '%s: |2-\n' "$key"
    "$@" 2>&1 | sed 's/^/  /'
}
pages() { find /sys/devices/system/node/node*/hugepages -name nr_hugepages -exec grep -H . {} +; }
nics() {
    for nic in 0000:41:00.0 0000:81:00.0; do
        echo "$nic node $(cat "/sys/bus/pci/devices/$nic/numa_node") driver $(basename "$(readlink "/sys/bus/pci/devices/$nic/driver")")"
    done
}
threads() {
    for thread in /proc/"$(pidof ovs-vswitchd)"/task/*; do
        # a thread may have ended since
        case $(cat "$thread/comm" 2>/dev/null) in pmd*) sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "$thread/status" 2>/dev/null ;; esac
    done
}
one arguments cat /proc/cmdline
one boot cat /proc/sys/kernel/random/boot_id
one boots sh -c 'last -x reboot | grep -c ^reboot'
one system systemctl is-system-running
one isolated cat /sys/devices/system/cpu/isolated
one no_tick cat /sys/devices/system/cpu/nohz_full
one siblings sh -c 'cat /sys/devices/system/cpu/cpu*/topology/thread_siblings_list | sort -u'
one pages pages
one mounts cat /proc/mounts
one nics nics
one overrides driverctl list-overrides
one drivers lspci -k -s 41:00.0
one management sh -c 'ip -o route get 10.0.2.2 | cut -d " " -f 1-3'
one dpdk ovs-vsctl get Open_vSwitch . dpdk_initialized
one mask ovs-vsctl get Open_vSwitch . other_config:pmd-cpu-mask
one memory ovs-vsctl get Open_vSwitch . other_config:dpdk-socket-mem
one errors ovs-vsctl --bare --columns=error list Interface
one devices ovs-vsctl get Interface dpdk0 options:dpdk-devargs -- get Interface dpdk1 options:dpdk-devargs
one links ovs-vsctl get Interface dpdk0 link_state -- get Interface dpdk1 link_state
one queues ovs-appctl dpif-netdev/pmd-rxq-show
one threads threads
one service systemctl is-enabled openvswitch-switch
one sockets stat --format=%F /run/openvswitch/vhost

# 50 frames into bridge br0 leave by the NIC of node 0 and come in by that of node 1, which is on bridge br1
counters() { ovs-vsctl get Interface dpdk0 statistics:tx_packets -- get Interface dpdk1 statistics:rx_packets; }
ip link set br0 up
ip link set br1 up
sleep 1
before=$(counters)
python3 -c '
import socket, time
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("br0", 0))
for number in range(50):
    link.send(b"\xff" * 6 + b"\x02" + b"\0" * 5 + b"\x88\xb5" + bytes(46))
    time.sleep(0.02)
'
sleep 6 # the statistics in the database are five seconds old at most
after=$(counters)
ip link set br0 down
ip link set br1 down
one frames echo "$before" "$after"
