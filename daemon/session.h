/*
 * One exchange with the store, as a state machine without I/O: a request's bytes out, an answer's bytes in, then
 * bounded steps of applying. Part of the engine (engine_internal.h); the calls are those of engine.h.
 *
 *     IDLE ──request──► SENT ──answer──► APPLYING ──step … step──► IDLE, or AGAIN ──request──► SENT
 *                        └──failed──► IDLE          └─ nothing to apply ─┘
 *
 * In an answer the receipts come first: they are durable in the outbox before anything else is concluded from it.
 */
#ifndef DAEMON_SESSION_H
#define DAEMON_SESSION_H

#include "common/wire.h"
#include "daemon/engine.h"
#include "daemon/replica.h"

enum session_state { SESSION_IDLE, SESSION_SENT, SESSION_APPLYING, SESSION_AGAIN };

enum session_phase {
        PHASE_HISTORY,
        PHASE_RECEIPTS,
        PHASE_GRANTS,
        PHASE_RECORDS,
        PHASE_FEEDS,
        PHASE_ERASE,
        PHASE_END,
        PHASE_AGAIN,
        PHASE_COUNT
};

struct session_lane {  /* what the store said, and what was sent in this exchange */
        uint64_t sent; /* newest seq sent in this exchange, 0: none */
};

struct session_backup { /* a verified backup that the store told of */
        struct uuid locality;
        struct position position;
};

struct session_receipt {
        const struct wire_receipt *receipt;
        struct bytes message; /* as it is kept */
        uint64_t place;       /* of the entry */
};

struct session {
        enum session_state state;
        enum session_phase phase;
        /* what the store told, kept over exchanges */
        struct public_key *signing_key; /* NULL: no trust bundle yet */
        bool can_seal;                  /* the store's seal key is known */
        uint8_t seal_point[PUBLIC_KEY_SIZE];
        uint32_t trust_version, policy_version;
        bool forked; /* the store knows another history of this outbox: nothing is sent */
        enum wire_stop stopped[LANE_COUNT]; /* lanes of which it took no more */
        struct session_backup backups[WIRE_LOCALITIES_MAX];
        size_t backup_count;
        int64_t told_ms; /* store's time of the newest answer */
        /* of the exchange, over its round trips */
        int64_t began_boot_ms;
        int64_t counted_boot_ms; /* some of the replica was counted anew; 0: not yet */
        uint32_t round_trips;
        uint64_t bytes_sent, bytes_received;
        uint64_t counted_sent, counted_received; /* of them, in the replica's facts already */
        bool news;                               /* something came or was answered */
        bool list_vector;                        /* the next request carries the vector as a list */
        bool drawn;                              /* a new incarnation was drawn in it */
        uint64_t applied;                        /* receipts, rows and steps of erasing in it */
        bool fetched;                            /* it reached the end of all feeds */
        enum budget_level level;                 /* what may go with it */
        bool confirmed;                          /* a request of it said who is erased */
        struct session_check *check;             /* asking who differs; NULL: not now */
        bool checked;                            /* it was asked, in this exchange */
        bool waits_longer;                       /* and when it is next is decided */
        bool report;       /* what was repaired is to be told in one more round trip */
        uint64_t reported; /* number of the newest repair in the request that is out; 0: none */
        enum replica_equality equality; /* how the comparison at the last end came out */
        bool stuck; /* the last round trip moved nothing: another one that does not either ends it */
        /* of the request that is out */
        uint64_t
                losses; /* of the replica, when it was made: what it says of the replica holds until the next */
        bool listed_vector;
        bool more_to_send;
        bool carried;      /* it carried entries */
        bool showed_heads; /* the hello showed heads of the store */
        bool heard_heads;  /* since the engine was opened the store showed it */
        /* of the answer that is being applied */
        struct buffer
                answer; /* CBOR sequence; everything below borrows from it and from the arena */
        struct arena arena;
        struct wire_store_hello hello;
        struct session_receipt *receipts; /* those that changed something */
        size_t receipts_count, receipts_next;
        uint64_t batch; /* newest batch of them, 0: none */
        struct wire_closings closings;
        struct wire_records *records;
        size_t records_count, records_next;
        struct wire_feed *feeds;
        size_t feeds_count;
        struct wire_end end;
        bool left;         /* it told of another history of the store */
        bool turned;       /* it changed what is to be sent: another round trip follows */
        bool downloads;    /* the changes in it are believed */
        bool moved;        /* it moved something */
        bool passed_over;  /* it brought records of types that are not known here */
        bool asked_ahead;  /* the request that follows it was made already */
        size_t ahead_size; /* and has so many bytes */
        bool erased; /* people were erased, or are to be confirmed: the end is a FULL commit and a checkpoint */
        /* of the last exchange that ended */
        enum exchange_failure failure;
        uint64_t last_bytes_sent, last_bytes_received;
        uint32_t last_round_trips;
        int64_t last_duration_ms;
};

#endif
