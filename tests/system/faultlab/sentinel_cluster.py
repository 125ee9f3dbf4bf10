"""The usual set-up, to compare with: three redis-sentinels and two HAProxy with TLS that look for role:master."""

from cluster import FRONT_PORT, NODE_PORT, Cluster
from member import Member

SENTINEL_PORT = 26379
FAILOVER_TIMEOUT = 5000   # milliseconds; Redis's default is 180000
CHECK_INTERVAL = 200      # milliseconds between two checks of HAProxy, as often as a portal probes


class SentinelCluster(Cluster):
    def extra_hosts(self):
        return ["sentinel2"]

    def __init__(self, folder, **options):
        super().__init__(folder, **options)
        bundle = self.dir / "certs/bundle.pem"
        bundle.write_text((self.dir / "certs/tls.crt").read_text() + (self.dir / "certs/tls.key").read_text())
        self.sentinels = [self.make_sentinel(host) for host in [*self.front_hosts, "sentinel2"]]
        self.fronts = [Member(self.network, host, ["haproxy", "-db", "-f", self.haproxy_file(host, bundle)], self.dir / f"{host}.log")
                       for host in self.front_hosts]

    def members(self):
        return [*super().members(), *self.sentinels]

    def node_settings(self, host):
        return [] if host == "node0" else [f"replicaof {self.network.address('node0')} {NODE_PORT}"]

    def make_sentinel(self, host):
        settings = self.dir / f"sentinel-{host}.conf"
        settings.write_text("\n".join([
            "bind 0.0.0.0", "protected-mode no", f"port {SENTINEL_PORT}", f"dir {self.dir}",
            f"sentinel monitor main {self.network.address('node0')} {NODE_PORT} 2",
            f"sentinel auth-pass main {self.password}", f"sentinel down-after-milliseconds main {self.down_after}",
            f"sentinel failover-timeout main {FAILOVER_TIMEOUT}", "sentinel parallel-syncs main 1", ""]))
        return Member(self.network, host, ["redis-server", settings, "--sentinel"], self.dir / f"sentinel-{host}.log")

    def haproxy_file(self, host, bundle):
        file = self.dir / f"{host}.cfg"
        checks = [f"tcp-check send AUTH\\ {self.password}\\r\\n", "tcp-check expect string +OK",
                  "tcp-check send info\\ replication\\r\\n", "tcp-check expect string role:master"]
        lines = ["global", "  nbthread 1", "  maxconn 4000", "defaults", "  mode tcp", "  timeout connect 1s",
                 "  timeout client 1h", "  timeout server 1h", "  timeout check 1s",
                 "frontend redis", f"  bind 0.0.0.0:{FRONT_PORT} ssl crt {bundle}", "  default_backend leader",
                 "backend leader", "  option tcp-check", "  tcp-check connect", *(f"  {check}" for check in checks)]
        for node in self.node_hosts:
            lines.append(f"  server {node} {self.network.address(node)}:{NODE_PORT} check inter {CHECK_INTERVAL}ms fall 2 rise 1 "
                         "on-marked-down shutdown-sessions")
        file.write_text("\n".join([*lines, ""]))
        return file

    def ask_sentinel(self, sentinel, *words):
        return self.ask(sentinel, "SENTINEL", *words, port=SENTINEL_PORT, password=False)

    def ready(self):
        """Every sentinel knows the leader, the replica and the other sentinels, and finds nothing wrong with them."""
        for sentinel in self.sentinels:
            leader = self.ask_sentinel(sentinel, "MASTER", "main") or []
            about = dict(zip(leader[::2], leader[1::2]))
            replicas = [dict(zip(each[::2], each[1::2])) for each in self.ask_sentinel(sentinel, "REPLICAS", "main") or []]
            if (about.get(b"flags") != b"master" or about[b"num-other-sentinels"] != b"2" or
                    [each[b"flags"] for each in replicas] != [b"slave"] * (len(self.nodes) - 1)):
                return False
        return True

    def switchover(self):
        if self.ask_sentinel(self.sentinels[0], "FAILOVER", "main") != "OK":
            raise AssertionError("no sentinel would carry the switchover out")
