"""Reads the one kind that Helm sends as protobuf: a Secret with a release in it. Field numbers are those of the published
generated.proto of meta/v1 and core/v1."""

import base64

MAGIC = b"k8s\0"


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """[(number, bytes or int)] of one message."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"wire type {tag & 7} is not used by Secrets")
        yield tag >> 3, value


def text_map(entries):
    pairs = (dict(fields(entry)) for entry in entries)
    return {pair[1].decode(): pair.get(2, b"") for pair in pairs}


def all_of(message, number):
    return [value for found, value in fields(message) if found == number]


def decode(raw):
    if not raw.startswith(MAGIC):
        raise ValueError("not an object of the Kubernetes API")
    unknown = dict(fields(raw[len(MAGIC):]))
    kind = dict(fields(unknown[1]))[2].decode()
    if kind == "DeleteOptions":
        return {}
    if kind != "Secret":
        raise ValueError(f"a {kind} as protobuf is not known here")
    secret = unknown[2]
    metadata = all_of(secret, 1)[0]
    plain = dict(fields(metadata))
    read = {"name": plain[1].decode(), "labels": {key: value.decode() for key, value in text_map(all_of(metadata, 11)).items()}}
    if plain.get(6):
        read["resourceVersion"] = plain[6].decode()
    return {"metadata": read, "type": dict(fields(secret)).get(3, b"").decode(),
            "data": {key: base64.b64encode(value).decode() for key, value in text_map(all_of(secret, 2)).items()}}
