"""What every client program of this folder must show, in the order in which it shows it. Key: the name that the program prints."""

SCENARIOS = {
    "opening": "connects through the recording address with the password, sends PING and leaves",
    "foreign_ca": "refuses the portal's certificate when it trusts another CA",
    "binary_values": "a key and a value of all 256 bytes, CRLF among them, and an empty value come back as they went",
    "large_value": "a value of 1 MB comes back as it went",
    "pipeline": "10,000 commands in one pipeline are answered in order",
    "transaction": "MULTI .. EXEC answers each command; an error in one does not hide the others",
    "watch_conflict": "a key that another connection changes after WATCH aborts EXEC",
    "pubsub": "SUBSCRIBE and PSUBSCRIBE receive what another connection publishes",
    "blocking_pop": "BLPOP gets what another connection pushes later, and nothing after its timeout",
    "script": "EVAL with keys and arguments; EVALSHA answers NOSCRIPT before SCRIPT LOAD and the result after",
    "scan": "SCAN with MATCH finds 1,000 keys among 1,200, each",
    "stream_group": "XADD, XGROUP CREATE, XREADGROUP, XACK; nothing is pending afterwards",
    "resp3": "HELLO 3: a map, a double and a set come as such",
    "tracking": "client-side caching: a key that was read is forgotten when another connection changes it",
    "leader_killed": "kill -9 of the leader: no connection is made anew, the same one goes on with reads and writes, "
                     "and a subscription still receives",
    "portal_killed": "kill -9 of the portal behind one shared address: the client connects again, by itself where it can, and goes on",
}
