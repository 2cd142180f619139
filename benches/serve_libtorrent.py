"""Serves BEP 5 with libtorrent: knows the nodes at the ports it is given, says where it listens."""

import sys
import time

import libtorrent

session = libtorrent.session(
    {
        "listen_interfaces": "127.0.0.1:0",
        "alert_mask": libtorrent.alert.category_t.dht_notification,
        "enable_dht": True,
        "enable_lsd": False,
        "enable_natpmp": False,
        "enable_upnp": False,
        "dht_bootstrap_nodes": "",
        "dht_restrict_routing_ips": False,
        "dht_restrict_search_ips": False,
        # All come from one address, and as many as can be.
        "dht_block_ratelimit": 1_000_000_000,
        "dht_upload_rate_limit": 1_000_000_000,
        "dht_max_fail_count": 1_000_000,
    }
)
for port in sys.argv[1:]:
    session.add_dht_node(("127.0.0.1", int(port)))
    time.sleep(0.005)
time.sleep(3)
session.post_dht_stats()
nodes = 0
deadline = time.monotonic() + 5
while nodes == 0 and time.monotonic() < deadline:
    session.wait_for_alert(1000)
    for alert in session.pop_alerts():
        if isinstance(alert, libtorrent.dht_stats_alert):
            nodes = sum(bucket["num_nodes"] for bucket in alert.routing_table)
print(session.listen_port(), nodes, flush=True)
sys.stdin.read()
