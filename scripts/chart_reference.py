#!/usr/bin/python3
"""Writes what follows from helm/redis-portal/values.yaml: values.schema.json and the table of values in README.md.

Every key there has a `## @param PATH meaning` line, and every such line its key; types come from the defaults, what a
default cannot tell is in RULES. `chart_reference.py --check` writes nothing and fails when the files differ.
"""

import json
import re
import sys
from pathlib import Path

import yaml

CHART = Path(__file__).resolve().parents[1] / "helm/redis-portal"
BEGIN, END = "<!-- values: begin -->", "<!-- values: end -->"


def choice(*values):
    return {"enum": list(values)}


def word(*values):
    """Words of which YAML reads a bare `off` or `on` as a boolean; the chart takes both."""
    return choice(*values, *(meant for bare, meant in (("off", False), ("on", True)) if bare in values))


def section(**properties):
    return {"type": "object", "additionalProperties": False, "properties": properties}


DURATION = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}
SIZE = {"type": ["string", "integer"], "pattern": "^[0-9]+(B|kB|KiB|MB|MiB|GB|GiB)?$"}
PROMETHEUS_TIME = {"pattern": "^[0-9]+(ms|s|m)$"}
GO_TIME = {"pattern": "^([0-9]+(h|m|s))+$"}
QUANTITY = {"pattern": "^[0-9]+(\\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$"}
WHOLE_GIB = {"pattern": "^[1-9][0-9]*(Gi|Ti)$"}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
QUANTITIES = {"type": "object", "additionalProperties": {"type": ["string", "number"]}}
OBJECTS = {"type": "array", "items": {"type": "object"}}
NAME = {"pattern": "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$"}
DIGEST = {"pattern": "^(sha256:[0-9a-f]{64})?$"}
PORT = {"minimum": 1, "maximum": 65535}

# What holds for every key of that last name, then what holds for one key.
COMMON_RULES = {
    "pullPolicy": choice("Always", "IfNotPresent", "Never"), "digest": DIGEST, "requests": QUANTITIES, "limits": QUANTITIES,
    "annotations": TEXTS, "labels": TEXTS, "podAnnotations": TEXTS, "podLabels": TEXTS, "additionalLabels": TEXTS,
    "nodeSelector": TEXTS, "tolerations": OBJECTS, "extraEnv": OBJECTS, "extraVolumes": OBJECTS, "extraVolumeMounts": OBJECTS,
    "relabelings": OBJECTS, "metricRelabelings": OBJECTS, "existingSecret": NAME, "namespace": NAME,
    "interval": PROMETHEUS_TIME, "scrapeTimeout": PROMETHEUS_TIME,
}
RULES = {
    "fullnameOverride": NAME, "nameOverride": NAME, "namespaceOverride": NAME,
    "commonLabels": TEXTS, "commonAnnotations": TEXTS,
    "extraDeploy": {"type": "array", "items": {"type": ["object", "string"]}},
    "tls.minVersion": choice("1.2", "1.3"), "tls.clientCASecret": NAME,
    "tls.certManager.duration": GO_TIME, "tls.certManager.renewBefore": GO_TIME,
    "tls.selfSigned.days": {"minimum": 1, "maximum": 3650}, "tls.selfSigned.renewBeforeDays": {"minimum": 0, "maximum": 3650},
    "portal.replicaCount": {"minimum": 2, "maximum": 16},
    "portal.advertise": {"pattern": "^([A-Za-z0-9._-]+:[0-9]+)?$"},
    "portal.drainDelaySeconds": {"minimum": 0, "maximum": 600}, "portal.drainTimeoutSeconds": {"minimum": 0, "maximum": 3600},
    "portal.terminationGracePeriodSeconds": {"minimum": 15, "maximum": 3600},
    "portal.config": section(
        monitor=section(username={"type": "string"}, ping_interval=DURATION, down_after=DURATION, busy_after=DURATION, fence_after=DURATION, lease=DURATION,
                        failsafe=word("off", "on")),
        hold=section(time=DURATION, bytes=SIZE),
        writes=section(in_doubt=choice("error", "close"), proven=word("off", "available", "strict")),
         pubsub=section(on_gap=choice("ignore", "close")),
         commands=section(deny={"type": "array", "items": {"type": "string"}}, replication=word("off", "on")),
         acl=section(**{"assert": {"anyOf": [{"type": "string"}, {"const": False}]}}, strict=word("off", "on")),
         node_config=section(follow_leader=word("off", "on"), **{"assert": {"type": "array", "items": {"type": "string"}}}),
        limits=section(sessions={"type": "integer", "minimum": 1, "maximum": 1000000}, handshake_time=DURATION, request_bytes=SIZE,
                       output_bytes=SIZE, script_bytes=SIZE, output_time=DURATION, idle_time=DURATION, keepalive=DURATION),
        upstream=section(answer_time=DURATION),
        maintenance=word("off", "answer", "on"),
        tickets=section(rotation=DURATION),
        threads={"anyOf": [{"type": "integer", "minimum": 1, "maximum": 256}, {"const": "auto"}]},
        busy_poll={"anyOf": [{"type": "integer", "minimum": 1, "maximum": 1000}, word("off")]},
        log=section(level=choice("debug", "info", "warn", "error"), format=choice("logfmt", "json"))),
    "redis.replicaCount": {"minimum": 2, "maximum": 16},
    "redis.maxmemoryPercent": {"minimum": 0, "maximum": 90},
    "redis.maxmemoryPolicy": choice("noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu",
                                    "volatile-random", "volatile-ttl"),
    "redis.terminationGracePeriodSeconds": {"minimum": 25, "maximum": 3600},
    "redis.agent.linkDown": DURATION, "redis.agent.handOverTime": DURATION,
    "persistence.autoExpand.threshold": {"minimum": 10, "maximum": 95},
    "persistence.autoExpand.increase": {"minimum": 1, "maximum": 400},
    "persistence.autoExpand.minStep": WHOLE_GIB, "persistence.autoExpand.limit": WHOLE_GIB, "persistence.autoExpand.cooldown": DURATION,
    "persistence.size": QUANTITY, "persistence.emptyDirSizeLimit": QUANTITY,
    "persistence.accessModes": {"type": "array", "minItems": 1, "items": choice("ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany")},
    "storageClass.preset": choice("", "aws-ebs", "gcp-pd", "azure-disk", "ibm-vpc-block"), "storageClass.parameters": TEXTS,
    "storageClass.reclaimPolicy": choice("Delete", "Retain"),
    "service.type": choice("NodePort", "ClusterIP", "LoadBalancer"), "service.port": PORT,
    **{key: {"type": ["integer", "null"], **PORT} for key in ("service.nodePort", "service.replicasPort", "service.replicasNodePort")},
    "service.externalTrafficPolicy": choice("Cluster", "Local"), "service.internalTrafficPolicy": choice("Cluster", "Local"),
    "service.ipFamilyPolicy": choice("", "SingleStack", "PreferDualStack", "RequireDualStack"),
    "networkPolicy.clientsFrom": OBJECTS, "networkPolicy.metricsFrom": OBJECTS, "networkPolicy.apiServerTo": OBJECTS,
    "networkPolicy.apiServerPorts": {"type": "array", "items": {"type": "integer", **PORT}},
}
TYPES = {bool: "boolean", int: "integer", str: "string"}


def read_values(text):
    """The keys of values.yaml in order: (section, [(path, default, meaning)]). Fails on a key without a line and the reverse."""
    meanings, sections, current = {}, [], None
    for line in text.splitlines():
        if found := re.match(r"\s*## @section (.+)", line):
            current = (found[1], [])
            sections.append(current)
        elif found := re.match(r"\s*## @param (\S+) (.+)", line):
            meanings[found[1]] = found[2]
            current[1].append(found[1])
    defaults = dict(leaves(yaml.safe_load(text), meanings))
    wrong = [f"{path}: key without a '## @param' line" for path in defaults if path not in meanings]
    wrong += [f"{path}: '## @param' line without a key" for path in meanings if path not in defaults]
    if wrong:
        raise SystemExit("values.yaml: " + "; ".join(wrong))
    return [(title, [(path, defaults[path], meanings[path]) for path in paths]) for title, paths in sections]


def leaves(node, documented, prefix=""):
    for key, value in node.items():
        path = prefix + key
        if isinstance(value, dict) and value and path not in documented:
            yield from leaves(value, documented, path + ".")
        else:
            yield path, value


def leaf_schema(path, default, meaning):
    schema = {"description": meaning}
    if isinstance(default, list):
        schema |= {"type": "array", "items": {"type": "string"}}
    elif isinstance(default, dict):
        schema |= {"type": "object"}
    elif default is not None:
        schema |= {"type": TYPES[type(default)]}
    return schema | COMMON_RULES.get(path.rpartition(".")[2], {}) | RULES.get(path, {})


def schema_of(sections):
    root = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values of redis-portal", **section()}
    for _, entries in sections:
        for path, default, meaning in entries:
            node = root
            *parents, last = path.split(".")
            for parent in parents:
                node = node["properties"].setdefault(parent, section())
            node["properties"][last] = leaf_schema(path, default, meaning)
    root["properties"]["global"]["additionalProperties"] = True  # a parent chart puts its own there
    return json.dumps(root, indent=2) + "\n"


def table_of(sections):
    lines = []
    for title, entries in sections:
        lines += [f"### {title}", "", "| value | default | meaning |", "| --- | --- | --- |"]
        for path, default, meaning in entries:
            shown = json.dumps(default) if not isinstance(default, str) else default or '""'
            lines.append(f"| `{path}` | `{shown}` | {meaning.replace('|', chr(92) + '|')} |")
        lines.append("")
    return "\n".join(lines)


def between_markers(text, table):
    before, rest = text.split(BEGIN)
    return before + BEGIN + "\n\n" + table + "\n" + END + rest.split(END)[1]


def main():
    sections = read_values((CHART / "values.yaml").read_text())
    readme = CHART / "README.md"
    wanted = {CHART / "values.schema.json": schema_of(sections), readme: between_markers(readme.read_text(), table_of(sections))}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        sys.exit("".join(f"{path.name} is not what values.yaml gives; run scripts/chart_reference.py\n" for path in stale) or 0)
    for path in stale:
        path.write_text(wanted[path])


if __name__ == "__main__":
    main()
