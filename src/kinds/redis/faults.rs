//! The fault catalogue.

use crate::kinds::FaultDoc;

/// Every fault, in the order of the catalogue.
pub(super) const FAULTS: &[FaultDoc] = &[
    FaultDoc::caught(
        "RED-01",
        "answers without a password",
        "Whoever reaches the port may read and often change the data.",
        "Set `requirepass` or an ACL user and switch the default user off (`user default off`).",
    ),
    FaultDoc::caught(
        "RED-02",
        "strangers have full rights",
        "The default user needs no password and may run every command: delete the data, change the configuration, write files.",
        "Give the default user a password or switch it off; give each application a user with the commands it needs.",
    ),
    FaultDoc::caught(
        "RED-03",
        "plaintext",
        "Passwords and data can be read by anyone on the path.",
        "Serve TLS (`tls-port`), set `port 0`, and write `rediss://` in the application's URL.",
    ),
    FaultDoc::caught(
        "RED-04",
        "open to every network",
        "Protected mode is off, the server listens on all interfaces and asks for no password.",
        "Bind to the private address, set a password, leave `protected-mode yes`.",
    ),
    FaultDoc::caught(
        "RED-05",
        "no memory limit",
        "Without `maxmemory` the server grows until the system kills it, taking the data with it.",
        "Set `maxmemory` below the container's or machine's memory; leave room for forks.",
    ),
    FaultDoc::caught(
        "RED-06",
        "eviction policy does not fit the use",
        "A queue that evicts loses jobs in silence; a cache that cannot evict answers writes with errors.",
        "Set `maxmemory-policy`: `allkeys-lru` for caches, `noeviction` for queues, sessions and data.",
    ),
    FaultDoc::caught(
        "RED-07",
        "memory almost used up",
        "At the limit, writes fail or keys disappear, depending on the policy.",
        "Find the big keys, add expiries, or raise `maxmemory`.",
    ),
    FaultDoc::caught(
        "RED-08",
        "keys are evicted",
        "Data that was thought to be kept is being deleted to make room.",
        "Raise `maxmemory`, or move data that may go to a server of its own.",
    ),
    FaultDoc::caught(
        "RED-09",
        "no persistence where data must last",
        "After a restart the server is empty, although it is healthy in every other respect.",
        "Switch on `appendonly yes` with `appendfsync everysec`, or configure `save` points, on a lasting volume.",
    ),
    FaultDoc::caught(
        "RED-10",
        "saving fails or is overdue",
        "Changes since the last good save are lost in a restart, and writes may be refused (MISCONF).",
        "Look at the server's log: full disk, missing rights on the folder, too little memory to fork.",
    ),
    FaultDoc::caught(
        "RED-11",
        "wrong place in replication",
        "Writes to a replica fail; a second master takes writes that will be lost.",
        "Point the URL at the master (through Sentinel or the provider's primary endpoint).",
    ),
    FaultDoc::caught(
        "RED-12",
        "replication broken",
        "Without replicas in step there is nobody to take over; a replica without its master serves old data.",
        "Look at the replica's log and network; size `repl-backlog-size`; set `min-replicas-to-write`.",
    ),
    FaultDoc::caught(
        "RED-13",
        "cluster or sentinel not whole",
        "Some keys cannot be served, or no failover can be agreed upon.",
        "Look at `CLUSTER NODES` or `SENTINEL MASTERS` for the missing members.",
    ),
    FaultDoc::caught(
        "RED-14",
        "clients at their limit",
        "New clients are turned away, or clients wait for something that does not come.",
        "Find the leak in the applications' connection pools; raise `maxclients`.",
    ),
    FaultDoc::caught(
        "RED-15",
        "slow",
        "Redis runs one command at a time: a slow one, or a slow fork, holds up everybody.",
        "Look at `SLOWLOG GET`; avoid O(N) commands on big keys; switch off transparent huge pages.",
    ),
    FaultDoc::caught(
        "RED-16",
        "keys never expire",
        "A cache, session store or limiter whose keys stay fills up until something breaks.",
        "Set an expiry with every write (`SET … EX`).",
    ),
    FaultDoc::caught(
        "RED-17",
        "old or vulnerable version",
        "Known flaws, some of which let a client run code on the server, are not fixed in this version.",
        "Update to the newest patch release of a maintained series.",
    ),
    FaultDoc {
        code: "RED-18",
        title: "huge pages or overcommit",
        why: "Both make forks slow or fail.",
        remedy: "On the host: `vm.overcommit_memory = 1`, transparent huge pages `madvise`.",
        not_observable: Some(
            "a setting of the host that Redis tells nobody about over the network",
        ),
    },
    FaultDoc::caught(
        "RED-19",
        "still loading",
        "After a restart every command is answered with an error until the data is in memory.",
        "Wait; if it takes too long, look at the size of the data and the speed of the disk.",
    ),
    FaultDoc::caught(
        "RED-20",
        "wrong database or foreign keys",
        "Two environments share a database, or the application looks into the wrong one.",
        "Correct the number after the `/` of the URL; give each environment a server or a key prefix.",
    ),
    FaultDoc::caught(
        "RED-21",
        "user may run dangerous commands",
        "One bug or injection is enough to delete the data or to take over the server.",
        "Take the commands away: `ACL SETUSER app -@dangerous -@admin`.",
    ),
    FaultDoc::caught(
        "RED-22",
        "dead connections stay",
        "Connections of clients that vanished are never closed and use up `maxclients`.",
        "Set `tcp-keepalive 300`, or a `timeout`.",
    ),
    FaultDoc::caught(
        "RED-23",
        "unlimited buffers of subscribers",
        "One subscriber that does not read can use up all memory.",
        "Set `client-output-buffer-limit pubsub 32mb 8mb 60`.",
    ),
    FaultDoc::caught(
        "RED-51",
        "low hit rate",
        "A cache that is rarely hit costs time and memory and spares little.",
        "Look at what is looked up and never found, at the expiries, and at evictions.",
    ),
    FaultDoc::caught(
        "RED-52",
        "fragmented memory",
        "Much more memory is taken from the system than the data needs.",
        "Switch on `activedefrag yes`, or restart in a quiet hour.",
    ),
    FaultDoc::caught(
        "RED-54",
        "INFO is not as declared",
        "A field of INFO differs from what the profile demands.",
        "See the finding for the field and its value.",
    ),
    FaultDoc::caught(
        "RED-55",
        "nobody consumes",
        "Jobs or messages are accepted and nobody works on them.",
        "Start the workers; look at why they stopped.",
    ),
    FaultDoc::caught(
        "RED-56",
        "consumers do not keep up",
        "What waits grows, and with it the time until it is done.",
        "Add workers, or find out what slows them down.",
    ),
];
