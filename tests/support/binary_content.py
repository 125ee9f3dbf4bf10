"""Values whose bytes look like RESP, or like nothing: what a proxy must never judge by. All drawn from a seeded chooser.

A value of a repeated pattern would hide bytes that change their place, so no test of a large value may use one.
"""

import random

MARKS = b">*+-$:_#%~!=,(|\r\n"
MB = 1 << 20
# Where buffers and limits of a portal and of redis-server end: a read, a part, what is gathered whole, a TLS record.
EDGES = (16 * 1024, 64 * 1024, 128 * 1024, 256 * 1024, 512 * 1024, MB)


def random_bytes(size, seed=0):
    """The same bytes for the same seed and size."""
    return random.Random(f"{seed}:{size}").randbytes(size)


class Content:
    """Draws values and keys."""

    def __init__(self, chooser, prefix=""):
        self.chooser, self.prefix, self.drawn = chooser, prefix.encode(), 0

    def size(self, largest):
        """From nothing to `largest`: mostly small, with a liking for the edges of buffers."""
        draw = self.chooser.random()
        if draw < 0.05:
            return 0
        if draw < 0.3:
            near = self.chooser.choice(EDGES) + self.chooser.randrange(-20, 20)
            return min(near, largest)
        return min(int(2 ** self.chooser.uniform(0, largest.bit_length())), largest)

    def value(self, largest=4 * MB, size=None):
        size = self.size(largest) if size is None else size
        kinds = [self.noise, self.noise, self.marks, self.runs, self.frames, self.noise_that_begins_with_marks]
        return self.chooser.choice(kinds)(size)

    def key(self):
        """Short, of any bytes; never the same twice."""
        self.drawn += 1
        return b"%s%d:" % (self.prefix, self.drawn) + self.value(size=self.chooser.randrange(40))

    def line(self, size):
        """Bytes that may stand in an error: without CR and LF."""
        return self.value(size=size).replace(b"\r", b">").replace(b"\n", b"*").replace(b"\0", b"-")

    def noise(self, size):
        return self.chooser.randbytes(size)

    def marks(self, size):
        return bytes(self.chooser.choices(MARKS, k=size))

    def runs(self, size):
        """Long runs of one mark after the other, of lengths that are drawn."""
        out = bytearray()
        while len(out) < size:
            out += bytes([self.chooser.choice(MARKS)]) * self.chooser.randrange(1, max(2, size // 3))
        return bytes(out[:size])

    def frames(self, size):
        """Whole replies, pushes and errors, and headers that announce more than follows."""
        choose, out = self.chooser, bytearray()
        while len(out) < size:
            number = choose.choice([0, 1, 2, 3, -1, choose.randrange(1 << 31)])
            out += choose.choice([
                b"+OK\r\n", b"+QUEUED\r\n", b"-ERR no\r\n", b"-READONLY You can't write against a read only replica.\r\n", b"-LOADING x\r\n",
                b"-NOAUTH Authentication required.\r\n", b":%d\r\n" % number, b"$%d\r\n" % number, b"*%d\r\n" % number, b">%d\r\n" % number,
                b"%%%d\r\n" % number, b"~%d\r\n" % number, b"_\r\n", b"#t\r\n", b",inf\r\n", b"$3\r\nabc\r\n", b"*1\r\n$4\r\nPING\r\n",
                b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n", b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n",
                b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n", b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", b"+1700000000.000000 [0 127.0.0.1:1] \"get\" \"k\"\r\n",
                choose.randbytes(choose.randrange(200))])
        return bytes(out[:size])

    def noise_that_begins_with_marks(self, size):
        """At each multiple of a power of two stands a mark: where a part may begin."""
        out = bytearray(self.chooser.randbytes(size))
        step = 2 ** self.chooser.randrange(4, 18)
        for at in range(0, size, step):
            out[at] = self.chooser.choice(MARKS)
        return bytes(out)


def difference(wanted, given):
    """Where two byte strings part, in words."""
    if len(wanted) == len(given) and wanted == given:
        return "no difference"
    low, high = 0, min(len(wanted), len(given))
    while low < high:  # the first difference lies in [low, high]
        middle = (low + high) // 2
        if wanted[low:middle + 1] == given[low:middle + 1]:
            low = middle + 1
        else:
            high = middle
    return (f"from byte {low}: {bytes(wanted[low:low + 24])!r} of {len(wanted)} bytes is wanted, {bytes(given[low:low + 24])!r} of {len(given)} bytes "
            f"was given")
