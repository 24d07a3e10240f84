/*
 * The messages of POST /v1/sync, declared once: limits, lists of fields, and the structs made from them.
 *
 * Each message travels as an array [kind, element …] and each part as an array [element …], the elements in the order of the
 * lists. wire.c makes the encoder and the decoder from the same lists; schema/wire.cddl says the same to other
 * languages and a test holds the two together. What is over a limit fails the buffer it is written to (PANNIER_E_LIMIT). A new element is added at the end of a list, never in the middle.
 */
#ifndef COMMON_WIRE_MESSAGES_H
#define COMMON_WIRE_MESSAGES_H

#include "common/entry.h"
#include "common/reason.h"

enum {
        WIRE_PROTOCOL = 1, /* this build speaks it, and serves one older and one newer */

        /* One exchange. Sizes are of the CBOR sequence, before message compression. */
        WIRE_REQUEST_MAX = 1 << 20,           /* bytes of a request */
        WIRE_REQUEST_ENTRIES_MAX = 256 << 10, /* bytes of entries in it */
        WIRE_ANSWER_MAX = 4 << 20,            /* bytes of an answer */
        WIRE_ANSWER_CHANGES_MAX = 1 << 20,    /* bytes of records, joins and exits in it */

        WIRE_LOCALITIES_MAX = 64,        /* localities that one device reaches */
        WIRE_SCOPES_MAX = 1024,          /* scopes granted to one device */
        WIRE_FEEDS_MAX = 4096,           /* (locality, scope, class) of one device */
        WIRE_RUN_ENTRIES_MAX = 4096,     /* entries in one signed run */
        WIRE_RECEIPTS_MAX = 8192,        /* receipts in one message */
        WIRE_EFFECTS_MAX = 64,           /* fields of one entry */
        WIRE_CONFLICTS_MAX = 64,         /* conflict records that one entry raised */
        WIRE_CLOSINGS_MAX = 256,         /* closings in one answer */
        WIRE_ROWS_MAX = 65536,           /* records in one message */
        WIRE_MEMBERS_MAX = 65536,        /* joins, or exits, in one message */
        WIRE_ORDERS_MAX = 16,            /* orders not yet obeyed */
        WIRE_SEAL_KEYS_MAX = 16,         /* keys of a trust bundle */
        WIRE_CERTIFICATE_MAX = 4096,     /* bytes of DER */
        WIRE_SEALED_BODY_MAX = 66 << 10, /* bytes of a body as it travels */
        WIRE_AGAIN_MAX = 256 << 10,      /* bytes of receipts' hashes: WIRE_RECEIPTS_MAX of them */
        WIRE_DRAFT_MAX = 64 << 10,       /* bytes of a draft as it travels */
        WIRE_BUNDLE_PARTS_MAX = 64,      /* parts of one bundle */
        WIRE_BUNDLE_BODY_MAX =
                (1 << 20) - 4096, /* sealed bytes of a part: with its head a body of HTTP */
        WIRE_BUNDLE_RECEIPTS_MAX = (4 << 20) + 4096, /* sealed bytes of receipts that travel back */
        WIRE_BUNDLE_NONCE_SIZE = 32,
        WIRE_WANTED_MAX = 256,        /* attachments that the store asks for again at once */
        WIRE_DETAIL_MAX = 500,        /* bytes of text that explains something to people */
        WIRE_SOFTWARE_MAX = 64,       /* bytes of a program's name and version */
        WIRE_DIGEST_SIZE_MAX = 32,    /* bytes of a feed's digest */
        WIRE_DIGEST_SIZE = 16,        /* bytes of one person's (common/digest.h) */
        WIRE_SUMS_MAX = 4096,         /* people of one page of a check */
        WIRE_CHECK_PEOPLE_MAX = 256,  /* people whose records are asked for again at once */
        WIRE_REPAIRS_MAX = 256,       /* repairs that are reported at once */
        WIRE_VERSION_MAX = INT32_MAX, /* of protocol, catalogue, policy, trust bundle */
};

#define WIRE_NUMBER_MAX ((uint64_t)INT64_MAX) /* positions, sequence numbers, counts */

enum repair_what {
        REPAIR_MADE = 1,   /* the store's records were put in the place of those that differed */
        REPAIR_ERASED = 2, /* the store does not list the person: erased, as after an exit */
        REPAIR_FAULT =
                3, /* it differed again at the same position, or the store contradicts itself */
};

enum check_state {
        CHECK_EQUAL = 1,   /* none of the feeds that stand here differs */
        CHECK_MOVED = 2,   /* they stand elsewhere here, or are not granted: exchange first */
        CHECK_DIFFERS = 3, /* a page of people is in the answer */
        CHECK_RECORDS = 4, /* records are */
};

enum wire_device_state {
        DEVICE_ACTIVE = 1,
        DEVICE_LOCKED = 2, /* hands in its outbox, receives nothing */
        DEVICE_WIPED = 3,
        DEVICE_REVOKED = 4,
};

/*
 * Lists of fields: F(kind, member, type, limit)
 *
 *   UINT     type member, 0 … limit              INT      int64_t member
 *   BOOL     bool member                         UUID     struct uuid member, never none
 *   ID       struct uuid member, none is null    OCTETS   uint8_t member[limit], all zero is null
 *   BYTES    struct bytes member, at most limit  TEXT     the same, UTF-8
 *   BLOB     like BYTES, empty is null           STRUCT   struct type member
 *   OPTION   const struct type *member, or null  LIST     const struct type *member, member_count
 *   IDS      const struct uuid *member, member_count
 */

/* One lane of the device's outbox: its newest signed row. An empty lane has seq 0. */
#define WIRE_LANE(F)                                                                               \
        F(UINT, seq, uint64_t, WIRE_NUMBER_MAX)                                                    \
        F(OCTETS, head, uint8_t, HASH_SIZE)           /* chain head after seq */                   \
        F(OCTETS, signature, uint8_t, SIGNATURE_SIZE) /* of that row, over entry_head_message() */

/* Head of a locality's log, signed by the store over wire_head_message(). */
#define WIRE_HEAD(F)                                                                               \
        F(UUID, locality, struct uuid, 0)                                                          \
        F(UINT, epoch, uint64_t, WIRE_NUMBER_MAX)    /* rising number of the history */            \
        F(UUID, epoch_id, struct uuid, 0)            /* and its random id */                       \
        F(UINT, position, uint64_t, WIRE_NUMBER_MAX) /* newest commit */                           \
        F(UINT, number, uint64_t, WIRE_NUMBER_MAX)   /* newest row of the log */                   \
        F(OCTETS, hash, uint8_t, HASH_SIZE)          /* of the log's chain after that row */       \
        F(OCTETS, signature, uint8_t, SIGNATURE_SIZE)

/* Place in a feed: everything up to it was read. (0, 0, none) is before the first row. */
#define WIRE_CURSOR(F)                                                                             \
        F(UINT, epoch, uint64_t, WIRE_NUMBER_MAX)                                                  \
        F(UINT, position, uint64_t, WIRE_NUMBER_MAX)                                               \
        F(ID, record, struct uuid, 0)                /* record, or person of a join or exit */     \
        F(UINT, join_type, uint8_t, TYPE_NUMBER_MAX) /* inside a join: type reached, else 0 */     \
        F(ID, join_record, struct uuid, 0)           /* and the last record of it that was read */

/* A feed: the records of one class in one scope, in one locality's order. */
#define WIRE_FEED_KEY(F)                                                                           \
        F(UUID, locality, struct uuid, 0)                                                          \
        F(UINT, kind, enum scope_kind, 99)                                                         \
        F(UUID, id, struct uuid, 0)                                                                \
        F(UINT, class, enum catalogue_class, CLASS_COUNT)

#define WIRE_FEED_STATE(F)                                                                         \
        F(STRUCT, key, wire_feed_key, 0)                                                           \
        F(STRUCT, cursor, wire_cursor, 0)                                                          \
        F(BLOB, digest, struct bytes, WIRE_DIGEST_SIZE_MAX) /* empty: not proven */

/*
 * With the grants that the hello names, and everything up to here received: of nobody whom these do not give the device is
 * anything left on it, durably. Said only after the erasing transaction is on the disk and the WAL is empty.
 */
#define WIRE_ERASED(F)                                                                             \
        F(UUID, locality, struct uuid, 0)                                                          \
        F(UINT, epoch, uint64_t, WIRE_NUMBER_MAX)                                                  \
        F(UINT, position, uint64_t, WIRE_NUMBER_MAX)

/* Device to store: first message of a request. */
#define WIRE_DEVICE_HELLO(F)                                                                       \
        F(UINT, protocol, uint32_t, WIRE_VERSION_MAX)                                              \
        F(UINT, catalogue, uint32_t, WIRE_VERSION_MAX)                                             \
        F(TEXT, software, struct bytes, WIRE_SOFTWARE_MAX) /* for people */                        \
        F(UUID, incarnation, struct uuid, 0)                                                       \
        F(LIST, heads, wire_head, WIRE_LOCALITIES_MAX) /* newest it was shown, per locality */     \
        F(INT, now_ms, int64_t, 0)                                                                 \
        F(UINT, quality, enum clock_quality, CLOCK_SYNCHRONISED)                                   \
        F(UINT, boot_id, uint64_t, WIRE_NUMBER_MAX)                                                \
        F(INT, boot_ms, int64_t, 0)                                                                \
        F(LIST, lanes, wire_lane, LANE_COUNT)       /* by lane number */                           \
        F(OCTETS, vector_hash, uint8_t, HASH_SIZE)  /* wire_vector_hash() */                       \
        F(OCTETS, grants_hash, uint8_t, HASH_SIZE)  /* wire_grants_hash() of what it knows */      \
        F(OCTETS, parked_hash, uint8_t, HASH_SIZE)  /* wire_parked_hash() */                       \
        F(UINT, waiting, uint64_t, WIRE_NUMBER_MAX) /* entries without a receipt */                \
        F(INT, oldest_ms, int64_t, 0)               /* recorded time of the oldest one, 0: none */ \
        F(UINT, parked, uint64_t, WIRE_NUMBER_MAX)                                                 \
        F(UINT, quarantined, uint64_t, WIRE_NUMBER_MAX)                                            \
        F(UINT, policy, uint32_t, WIRE_VERSION_MAX) /* version it has, 0: none */                  \
        F(UINT, trust, uint32_t, WIRE_VERSION_MAX)  /* version of its trust bundle, 0: none */     \
        F(UINT, order, uint64_t, WIRE_NUMBER_MAX)   /* number of the last order it obeyed */       \
        F(INT, told_ms, int64_t, 0)                 /* store's time when it was shown the heads */ \
        F(LIST, erased, wire_erased, WIRE_LOCALITIES_MAX) /* where the store waits for it */       \
        F(UINT, closing, uint64_t, WIRE_NUMBER_MAX) /* number of the last closing it was told */

/* Device to store: where it stands in its feeds, all of them, ascending. What is durably applied; so it confirms erasures too. */
#define WIRE_VECTOR(F) F(LIST, feeds, wire_feed_state, WIRE_FEEDS_MAX)

/* Device to store: entries that it no longer has. */
#define WIRE_GAP(F)                                                                                \
        F(UUID, incarnation, struct uuid, 0)                                                       \
        F(UINT, lane, uint8_t, LANE_COUNT - 1)                                                     \
        F(UINT, first, uint64_t, WIRE_NUMBER_MAX)                                                  \
        F(UINT, last, uint64_t, WIRE_NUMBER_MAX)                                                   \
        F(TEXT, detail, struct bytes, WIRE_DETAIL_MAX)

/* Device to store: an entry whose bytes no longer have their hash, as they are. */
#define WIRE_DAMAGED(F)                                                                            \
        F(UUID, incarnation, struct uuid, 0)                                                       \
        F(UINT, lane, uint8_t, LANE_COUNT - 1)                                                     \
        F(UINT, seq, uint64_t, WIRE_NUMBER_MAX)                                                    \
        F(BYTES, header, struct bytes, ENTRY_HEADER_MAX)                                           \
        F(BYTES, body, struct bytes, WIRE_SEALED_BODY_MAX)                                         \
        F(TEXT, detail, struct bytes, WIRE_DETAIL_MAX)                                             \
        F(ID, entry, struct uuid, 0) /* the id by which the device knows it, if any is left */

/* One entry: both parts as the chain covers them. */
#define WIRE_ENTRY(F)                                                                              \
        F(BYTES, header, struct bytes, ENTRY_HEADER_MAX)   /* entry_header_encode() */             \
        F(BYTES, body, struct bytes, WIRE_SEALED_BODY_MAX) /* body_pack() */

/* Device to store: entries of one lane behind each other, up to a signed row. */
#define WIRE_RUN(F)                                                                                \
        F(UUID, incarnation, struct uuid, 0)                                                       \
        F(UINT, lane, uint8_t, LANE_COUNT - 1)                                                     \
        F(UINT, first, uint64_t, WIRE_NUMBER_MAX) /* seq of the first entry */                     \
        F(OCTETS, previous, uint8_t, HASH_SIZE)   /* chain head before it; zero for seq 1 */       \
        F(LIST, entries, wire_entry, WIRE_RUN_ENTRIES_MAX)                                         \
        F(OCTETS, signature, uint8_t, SIGNATURE_SIZE) /* over entry_head_message() after the last */

/* Device to store, where it is locked or wiped: what somebody had not signed yet. */
#define WIRE_DRAFT(F)                                                                              \
        F(UUID, id, struct uuid, 0)                                                                \
        F(UUID, author, struct uuid, 0)                                                            \
        F(ID, person, struct uuid, 0)                                                              \
        F(INT, saved_ms, int64_t, 0)                                                               \
        F(BYTES, body, struct bytes, WIRE_DRAFT_MAX) /* body_pack(), or sealed */

/*
 * Device to store: receipts of a history that the store lost, for entries that are offered again in the runs behind it. The
 * signature is over wire_receipts_message(), as they came.
 */
#define WIRE_AGAIN(F)                                                                              \
        F(INT, now_ms, int64_t, 0)                                                                 \
        F(BYTES, hashes, struct bytes, WIRE_AGAIN_MAX)     /* of all receipts that were signed */  \
        F(LIST, receipts, wire_receipt, WIRE_RECEIPTS_MAX) /* some of them, body_hash set */       \
        F(OCTETS, signature, uint8_t, SIGNATURE_SIZE)

/* Who differed, and what became of it. */
#define WIRE_REPAIR(F)                                                                             \
        F(UINT, number, uint64_t, WIRE_NUMBER_MAX) /* rising, of this copy */                      \
        F(UUID, locality, struct uuid, 0)                                                          \
        F(ID, owner, struct uuid, 0) /* as in wire_sum; none: erased here since */                 \
        F(UINT, class, enum catalogue_class, CLASS_COUNT)                                          \
        F(UINT, epoch, uint64_t, WIRE_NUMBER_MAX)    /* where the feed stood … */                \
        F(UINT, position, uint64_t, WIRE_NUMBER_MAX) /* … in which it was found */               \
        F(UINT, what, enum repair_what, 99)                                                        \
        F(INT, at_ms, int64_t, 0) /* store's time of the exchange */

/* Device to store, in POST /v1/sync: what it repaired since it said so last. */
#define WIRE_REPAIRED(F) F(LIST, repairs, wire_repair, WIRE_REPAIRS_MAX)

/*
 * Device to store: the one message of POST /v1/check. `feeds` are those that are to be compared, where they stand, with their
 * digests. With `people`, or with a place to go on at, there is one feed.
 */
#define WIRE_CHECK(F)                                                                              \
        F(UINT, protocol, uint32_t, WIRE_VERSION_MAX)                                              \
        F(LIST, feeds, wire_feed_state, WIRE_FEEDS_MAX)                                            \
        F(UINT, position, uint64_t, WIRE_NUMBER_MAX) /* of the last join that was listed … */    \
        F(ID, person, struct uuid, 0)                /* … and its person; none: the start */     \
        F(IDS, people, struct uuid, WIRE_CHECK_PEOPLE_MAX) /* their records are wanted */

/* A scope that the device may hold, up to a class; `locality` orders what is in it. */
#define WIRE_GRANT(F)                                                                              \
        F(UUID, locality, struct uuid, 0)                                                          \
        F(UINT, kind, enum scope_kind, 99)                                                         \
        F(UUID, id, struct uuid, 0)                                                                \
        F(UINT, ceiling, enum catalogue_class, CLASS_COUNT)

/* lock, wipe, lease (docs/security.md); none is made yet */
#define WIRE_ORDER(F)                                                                              \
        F(UINT, number, uint64_t, WIRE_NUMBER_MAX)                                                 \
        F(UINT, kind, uint16_t, 999)                                                               \
        F(BYTES, body, struct bytes, WIRE_DETAIL_MAX)                                              \
        F(OCTETS, signature, uint8_t, SIGNATURE_SIZE)

/* How the device shall behave; 0 anywhere: the device's own default. */
#define WIRE_POLICY(F)                                                                             \
        F(UINT, version, uint32_t, WIRE_VERSION_MAX)                                               \
        F(UINT, poll_s, uint32_t,                                                                  \
          INT32_MAX) /* shortest time between two exchanges without cause */                       \
        F(UINT, poll_max_s, uint32_t, INT32_MAX)      /* longest */                                \
        F(UINT, day_bytes, uint64_t, WIRE_NUMBER_MAX) /* budget on a metered link */               \
        F(UINT, lease_s, uint32_t, INT32_MAX)         /* without contact until it seals itself */

/* What the store says of one locality that the device reaches. */
#define WIRE_LOCALITY(F)                                                                           \
        F(STRUCT, head, wire_head, 0)                                                              \
        F(UINT, backup_epoch, uint64_t, WIRE_NUMBER_MAX) /* newest verified backup; 0: none */     \
        F(UINT, backup_position, uint64_t, WIRE_NUMBER_MAX)                                        \
        F(UINT, common, uint64_t,                                                                  \
          WIRE_NUMBER_MAX) /* where the history it showed was left, else 0 */

#define WIRE_LANE_STATE(F)                                                                         \
        F(UINT, next, uint64_t, WIRE_NUMBER_MAX) /* seq the store expects next */                  \
        F(BOOL, forked, bool, 0)                 /* two histories under one incarnation */         \
        F(UINT, stopped, enum wire_stop, 99)     /* why it took no more of it */

#define WIRE_SEAL_KEY(F)                                                                           \
        F(UINT, id, uint32_t, WIRE_VERSION_MAX)                                                    \
        F(OCTETS, point, uint8_t, PUBLIC_KEY_SIZE)                                                 \
        F(OCTETS, signature, uint8_t, SIGNATURE_SIZE)

#define WIRE_TRUST(F)                                                                              \
        F(UINT, version, uint32_t, WIRE_VERSION_MAX)          /* never goes back */                \
        F(BYTES, ca, struct bytes, WIRE_CERTIFICATE_MAX)      /* DER */                            \
        F(BYTES, signing, struct bytes, WIRE_CERTIFICATE_MAX) /* DER: receipts, heads, orders */   \
        F(LIST, seal_keys, wire_seal_key, WIRE_SEAL_KEYS_MAX)

/* Store to device: first message of an answer. */
#define WIRE_STORE_HELLO(F)                                                                        \
        F(UINT, protocol, uint32_t, WIRE_VERSION_MAX)                                              \
        F(UINT, catalogue, uint32_t, WIRE_VERSION_MAX)                                             \
        F(INT, now_ms, int64_t, 0)                                                                 \
        F(UINT, state, enum wire_device_state, 99)                                                 \
        F(LIST, orders, wire_order, WIRE_ORDERS_MAX)                                               \
        F(OPTION, policy, wire_policy, 0)          /* where the device's is another version */     \
        F(OCTETS, grants_hash, uint8_t, HASH_SIZE) /* what is granted now */                       \
        F(BOOL, grants_listed, bool, 0) /* `grants` is the list; else the device has it */         \
        F(LIST, grants, wire_grant, WIRE_SCOPES_MAX)                                               \
        F(LIST, localities, wire_locality, WIRE_LOCALITIES_MAX)                                    \
        F(LIST, lanes, wire_lane_state, LANE_COUNT) /* after this request, by lane number */       \
        F(BOOL, vector_wanted, bool, 0)             /* the hashes differ: send the vector next */  \
        F(OPTION, trust, wire_trust, 0)             /* where the device's is older */              \
        F(UINT, leaving, uint64_t, WIRE_NUMBER_MAX) /* people who left, not confirmed erased yet */

#define WIRE_EFFECT(F)                                                                             \
        F(UINT, field, uint16_t, FIELD_NUMBER_MAX)                                                 \
        F(UINT, effect, enum field_effect, EFFECT_MAX)

/*
 * The store's word on one entry. Fields that are not in `effects` have EFFECT_APPLIED (none has, in quarantine).
 * The body's hash is always part of what is signed; it travels only where the entry was not in this request.
 */
#define WIRE_RECEIPT(F)                                                                            \
        F(UUID, entry, struct uuid, 0)                                                             \
        F(UINT, outcome, enum entry_outcome, 99)                                                   \
        F(UINT, reason, uint16_t,                                                                  \
          REASON_MAX) /* REASON_NONE but in quarantine, and REASON_UPGRADE */                      \
        F(UINT, epoch, uint64_t, WIRE_NUMBER_MAX)                                                  \
        F(UINT, position, uint64_t, WIRE_NUMBER_MAX) /* 0: it got none */                          \
        F(LIST, effects, wire_effect, WIRE_EFFECTS_MAX)                                            \
        F(IDS, conflicts, struct uuid, WIRE_CONFLICTS_MAX) /* records where its values wait */     \
        F(OCTETS, body_hash, uint8_t, HASH_SIZE)

/* Store to device: receipts under one signature over wire_receipts_message(). */
#define WIRE_RECEIPTS(F)                                                                           \
        F(INT, now_ms, int64_t, 0) /* store time, part of what is signed */                        \
        F(LIST, receipts, wire_receipt, WIRE_RECEIPTS_MAX)                                         \
        F(OCTETS, signature, uint8_t, SIGNATURE_SIZE)

/* A quarantined entry of the device that an operator dealt with, by an entry of the store that names it. */
#define WIRE_CLOSING(F)                                                                            \
        F(UINT, number, uint64_t, WIRE_NUMBER_MAX) /* 1 … per device */                          \
        F(UUID, entry, struct uuid, 0)             /* that was quarantined */                      \
        F(UUID, by, struct uuid, 0)                /* that names it */                             \
        F(UINT, how, enum closing_how, 99)                                                         \
        F(INT, at_ms, int64_t, 0)                                                                  \
        F(UINT, outcome, enum entry_outcome, 99)      /* of the one that names it */               \
        F(TEXT, note, struct bytes, ENTRY_REASON_MAX) /* who did it and why */

/* Store to device: the closings behind the one that its hello names, ascending, as many as fit. */
#define WIRE_CLOSINGS(F) F(LIST, closings, wire_closing, WIRE_CLOSINGS_MAX)

/* Store to device: one feed moved on. Its records are in the records messages of the same answer, which come before it. */
#define WIRE_FEED(F)                                                                               \
        F(STRUCT, key, wire_feed_key, 0)                                                           \
        F(IDS, joins, struct uuid, WIRE_MEMBERS_MAX) /* people who are in the scope from now on */ \
        F(IDS, exits, struct uuid, WIRE_MEMBERS_MAX) /* people who left it */                      \
        F(STRUCT, cursor, wire_cursor, 0)            /* where it stands now */                     \
        F(BOOL, complete, bool, 0)                   /* nothing was left in this snapshot */

/* Store to device: last message of an answer; without it the answer was cut. */
#define WIRE_END(F)                                                                                \
        F(BOOL, more, bool, 0)                     /* ask again at once */                         \
        F(OCTETS, vector_hash, uint8_t, HASH_SIZE) /* of the vector in this snapshot */            \
        F(LIST, feeds, wire_feed_state,                                                            \
          WIRE_FEEDS_MAX)                          /* that vector, where the device wants it */    \
        F(OCTETS, digest_hash, uint8_t, HASH_SIZE) /* digest_hash() of it, without `more` */

/*
 * A part of what a device gives to a courier (common/bundle.h). Sealed is a whole request with the device's signature in front.
 * What stands before `sealed` is all that whoever carries it can read.
 */
#define WIRE_BUNDLE(F)                                                                             \
        F(UUID, device, struct uuid, 0) /* who wrote what is inside */                             \
        F(UUID, bundle, struct uuid, 0)                                                            \
        F(UINT, part, uint32_t, WIRE_BUNDLE_PARTS_MAX - 1) /* from 0 */                            \
        F(BOOL, last, bool, 0)                             /* no part behind it */                 \
        F(OCTETS, key, uint8_t, HASH_SIZE)                 /* of the store's seal key */           \
        F(OCTETS, encapsulated, uint8_t, PUBLIC_KEY_SIZE)                                          \
        F(BYTES, sealed, struct bytes, WIRE_BUNDLE_BODY_MAX)

/* What travels back: the answer to one part, sealed to the device. */
#define WIRE_BUNDLE_RECEIPTS(F)                                                                    \
        F(UUID, device, struct uuid, 0)                                                            \
        F(UUID, bundle, struct uuid, 0)                                                            \
        F(UINT, part, uint32_t, WIRE_BUNDLE_PARTS_MAX - 1)                                         \
        F(OCTETS, nonce, uint8_t, WIRE_BUNDLE_NONCE_SIZE) /* random */                             \
        F(BYTES, sealed, struct bytes, WIRE_BUNDLE_RECEIPTS_MAX)

/* Digest of a person's records in a feed. Of reference data the owner is a record type: 15 zero bytes and its number. */
#define WIRE_SUM(F)                                                                                \
        F(UUID, owner, struct uuid, 0)                                                             \
        F(OCTETS, digest, uint8_t, WIRE_DIGEST_SIZE)

/* Store to device: a page of the people of a feed whose digest differs, in the order in which they joined. */
#define WIRE_DIFFER(F)                                                                             \
        F(STRUCT, key, wire_feed_key, 0)                                                           \
        F(OCTETS, digest, uint8_t, WIRE_DIGEST_SIZE) /* of the feed: the sum over its people */    \
        F(LIST, sums, wire_sum, WIRE_SUMS_MAX)                                                     \
        F(UINT, position, uint64_t, WIRE_NUMBER_MAX) /* where this page ends */                    \
        F(ID, person, struct uuid, 0)                                                              \
        F(BOOL, complete, bool, 0) /* nobody is behind it */

/* Store to device: last message of an answer to a check. */
#define WIRE_CHECKED(F)                                                                            \
        F(UINT, state, enum check_state, 99)                                                       \
        F(IDS, people, struct uuid,                                                                \
          WIRE_CHECK_PEOPLE_MAX) /* whose records are in it, all of them */

/*
 * Store to device, outside of /v1/sync: how far the bytes that an entry names have come. Signed where they are here whole
 * (attachment_message()); else the signature is zero.
 */
#define WIRE_ATTACHMENT(F)                                                                         \
        F(UUID, entry, struct uuid, 0)                                                             \
        F(OCTETS, hash, uint8_t, HASH_SIZE)                                                        \
        F(UINT, size, uint64_t, WIRE_NUMBER_MAX)                                                   \
        F(UINT, next, uint32_t, WIRE_VERSION_MAX) /* first chunk that is missing */                \
        F(INT, now_ms, int64_t, 0)                                                                 \
        F(OCTETS, signature, uint8_t, SIGNATURE_SIZE)

/* Store to device, outside of /v1/sync: records whose bytes are damaged or missing here, and which the device may bring again. */
#define WIRE_WANTED(F) F(IDS, records, struct uuid, WIRE_WANTED_MAX)

/* S(struct name, field list): parts of messages, those that are used first before those that use them */
#define WIRE_PARTS(S)                                                                              \
        S(wire_lane, WIRE_LANE)                                                                    \
        S(wire_head, WIRE_HEAD)                                                                    \
        S(wire_cursor, WIRE_CURSOR)                                                                \
        S(wire_feed_key, WIRE_FEED_KEY)                                                            \
        S(wire_feed_state, WIRE_FEED_STATE)                                                        \
        S(wire_erased, WIRE_ERASED)                                                                \
        S(wire_entry, WIRE_ENTRY)                                                                  \
        S(wire_grant, WIRE_GRANT)                                                                  \
        S(wire_order, WIRE_ORDER)                                                                  \
        S(wire_policy, WIRE_POLICY)                                                                \
        S(wire_locality, WIRE_LOCALITY)                                                            \
        S(wire_lane_state, WIRE_LANE_STATE)                                                        \
        S(wire_seal_key, WIRE_SEAL_KEY)                                                            \
        S(wire_trust, WIRE_TRUST)                                                                  \
        S(wire_effect, WIRE_EFFECT)                                                                \
        S(wire_receipt, WIRE_RECEIPT)                                                              \
        S(wire_closing, WIRE_CLOSING)                                                              \
        S(wire_repair, WIRE_REPAIR)                                                                \
        S(wire_sum, WIRE_SUM)

/* M(symbol, kind number, name, field list): messages but for records, whose rows are streamed (below) */
#define WIRE_MESSAGES(M)                                                                           \
        M(DEVICE_HELLO, 1, device_hello, WIRE_DEVICE_HELLO)                                        \
        M(VECTOR, 2, vector, WIRE_VECTOR)                                                          \
        M(GAP, 3, gap, WIRE_GAP)                                                                   \
        M(DAMAGED, 4, damaged, WIRE_DAMAGED)                                                       \
        M(RUN, 5, run, WIRE_RUN)                                                                   \
        M(DRAFT, 6, draft, WIRE_DRAFT)                                                             \
        M(AGAIN, 7, again, WIRE_AGAIN)                                                             \
        M(CHECK, 8, check, WIRE_CHECK)                                                             \
        M(REPAIRED, 9, repaired, WIRE_REPAIRED)                                                    \
        M(STORE_HELLO, 16, store_hello, WIRE_STORE_HELLO)                                          \
        M(RECEIPTS, 17, receipts, WIRE_RECEIPTS)                                                   \
        M(FEED, 19, feed, WIRE_FEED)                                                               \
        M(END, 20, end, WIRE_END)                                                                  \
        M(DIFFER, 24, differ, WIRE_DIFFER)                                                         \
        M(CHECKED, 25, checked, WIRE_CHECKED)                                                      \
        M(ATTACHMENT, 26, attachment, WIRE_ATTACHMENT)                                             \
        M(WANTED, 27, wanted, WIRE_WANTED)                                                         \
        M(CLOSINGS, 28, closings, WIRE_CLOSINGS)                                                   \
        M(BUNDLE, 40, bundle, WIRE_BUNDLE)                                                         \
        M(BUNDLE_RECEIPTS, 41, bundle_receipts, WIRE_BUNDLE_RECEIPTS)

enum wire_kind {
#define WIRE_ENUM(symbol, number, name, fields) WIRE_KIND_##symbol = (number),
        WIRE_MESSAGES(WIRE_ENUM)
#undef WIRE_ENUM
                WIRE_KIND_RECORDS = 18,
        WIRE_KIND_SKIP = 128, /* unknown kinds from here on may be passed over */
        WIRE_KIND_MAX = 255,
};

#define WIRE_MEMBER(kind, member, type, limit)  WIRE_MEMBER_##kind(member, type, limit)
#define WIRE_MEMBER_UINT(member, type, limit)   type member;
#define WIRE_MEMBER_INT(member, type, limit)    type member;
#define WIRE_MEMBER_BOOL(member, type, limit)   type member;
#define WIRE_MEMBER_UUID(member, type, limit)   type member;
#define WIRE_MEMBER_ID(member, type, limit)     type member;
#define WIRE_MEMBER_OCTETS(member, type, limit) type member[limit];
#define WIRE_MEMBER_BYTES(member, type, limit)  type member;
#define WIRE_MEMBER_TEXT(member, type, limit)   type member;
#define WIRE_MEMBER_BLOB(member, type, limit)   type member;
#define WIRE_MEMBER_STRUCT(member, type, limit) struct type member;
#define WIRE_MEMBER_OPTION(member, type, limit) const struct type *member;
#define WIRE_MEMBER_LIST(member, type, limit)                                                      \
        const struct type *member;                                                                 \
        size_t member##_count;
#define WIRE_MEMBER_IDS(member, type, limit)                                                       \
        const type *member;                                                                        \
        size_t member##_count;

#define WIRE_STRUCT(name, fields)                                                                  \
        struct name {                                                                              \
                fields(WIRE_MEMBER)                                                                \
        };
WIRE_PARTS(WIRE_STRUCT)
#undef WIRE_STRUCT

/* struct wire_device_hello … struct wire_end, and void wire_put_<name>(const struct wire_<name> *, struct buffer *) */
#define WIRE_DECLARE(symbol, number, name, fields)                                                 \
        struct wire_##name {                                                                       \
                fields(WIRE_MEMBER)                                                                \
        };                                                                                         \
        void wire_put_##name(const struct wire_##name *message, struct buffer *out);
WIRE_MESSAGES(WIRE_DECLARE)
#undef WIRE_DECLARE

#endif
