/*
 * An entry: one thing that one author did to one record. The only way anything changes; immutable.
 *
 * A clear header and a body that may be sealed, both deterministic CBOR as schema/wire.cddl says. Per lane a hash chain runs over
 * the bytes that travel; a signature over its head covers everything before it.
 */
#ifndef COMMON_ENTRY_H
#define COMMON_ENTRY_H

#include "common/crypto.h"
#include "common/record.h"

enum {
        ENTRY_BODY_MAX = 64 << 10,   /* bytes of a body in clear, before compression */
        ENTRY_HEADER_MAX = 512,      /* bytes of an encoded header */
        ENTRY_REASON_MAX = 1000,     /* bytes of UTF-8 */
        ENTRY_SEAL_ENC_MAX = 133,    /* bytes of an encapsulated key; of a P-256 key it is 65 */
        COMMIT_SIZE_MAX = 128 << 10, /* bytes of entries in one commit of a device */
        ENTRY_PARKED_MS = 7 * 86400 *
                          1000, /* how long an entry may wait at the store for what it builds on */
        SEAL_KEY_NONE = 0, /* seal key id 0: the body travels compressed and in clear, inside TLS */
};

enum entry_operation { ENTRY_CREATE = 1, ENTRY_EDIT = 2, ENTRY_DECIDE = 3 };
enum clock_quality { CLOCK_UNSET = 0, CLOCK_FREE = 1, CLOCK_SYNCHRONISED = 2 };

enum entry_outcome {                   /* of an entry the worst of its fields; numbers travel */
                     OUTCOME_NONE = 0, /* waiting */
                     OUTCOME_APPLIED = 1,
                     OUTCOME_MERGED = 2,
                     OUTCOME_HELD = 3,
                     OUTCOME_LATE = 4,
                     OUTCOME_QUARANTINED = 5,
                     OUTCOME_PARKED = 6, /* not an outcome: not judged yet */
};

/* What became of one field. Numbers travel. */
enum field_effect {
        EFFECT_APPLIED = 1,
        EFFECT_SUPERSEDED = 2, /* merged: a newer edit stands */
        EFFECT_HELD = 3,       /* both values wait in a conflict record */
        EFFECT_PROPOSED = 4,   /* held as a proposal for a role that may decide */
        EFFECT_UNCHANGED = 5,  /* it had this value already */
        EFFECT_LATE = 6,       /* the person had left the device's scopes */
        EFFECT_MAX = 99,
};

/* How a quarantined entry was dealt with, by a new entry that names it. Numbers travel. */
enum closing_how {
        CLOSING_NONE = 0,      /* it is open */
        CLOSING_FIXED = 1,     /* its device wrote it anew, rightly */
        CLOSING_RELEASED = 2,  /* an operator let it take effect, as it was judged then */
        CLOSING_DISMISSED = 3, /* an operator saw that nothing is to be done about it */
};

/* Why the store did not take all entries of a lane that a request brought: they stay on the device. */
enum wire_stop {
        WIRE_STOP_NONE = 0,
        WIRE_STOP_PARKED = 1,  /* as much of the device is parked as may be */
        WIRE_STOP_REFUSED = 2, /* as much of the device is in quarantine, open, as may be */
};

struct entry_needs {
        struct uuid incarnation; /* UUID_NONE: needs nothing */
        uint8_t lane;
        uint64_t seq;
};

struct entry_header {
        struct uuid device, incarnation;
        uint8_t lane;
        uint64_t seq; /* 1 … per incarnation and lane */
        struct uuid id;
        struct uuid locality;
        struct entry_needs needs;
        uint32_t seal_key;     /* SEAL_KEY_NONE for now */
        struct bytes seal_enc; /* encapsulated key, empty with SEAL_KEY_NONE; borrowed */
        uint64_t seal_number;
};

/* A position of one history: compared as (epoch, position), meaningful within one locality. */
struct position {
        uint64_t epoch;    /* rising number of the history */
        uint64_t position; /* commit number */
};

struct entry_change {
        uint16_t number;    /* field */
        struct value value; /* unset never stands here; null clears */
        struct bytes raw;   /* the value's CBOR; all there is for a field that is unknown here */
};

struct entry_body {
        uint8_t type;       /* number; may be unknown here */
        struct uuid record; /* of a create it may equal the entry's id */
        struct uuid person; /* UUID_NONE for reference data */
        enum entry_operation operation;
        struct uuid base_locality;
        struct position
                base; /* of the confirmed record the author saw; create: of the person's scopes */
        struct uuid
                previous; /* previous pending entry on this record on this device, UUID_NONE if none */
        struct uuid author;
        uint16_t role;
        struct uuid sign_in; /* UUID_NONE until sign-in exists */
        int64_t recorded_ms;
        uint64_t boot_id; /* random per boot */
        int64_t boot_ms;  /* clock since boot, suspend included */
        enum clock_quality quality;
        uint32_t catalogue_version;
        struct entry_change *changes; /* ascending by number */
        size_t change_count;
        struct bytes reason; /* UTF-8, empty: none */
        struct uuid instead; /* quarantined entry in whose place this one stands; UUID_NONE: none */
};

void entry_header_encode(const struct entry_header *header, struct buffer *out);
int entry_header_decode(struct bytes encoded, struct entry_header *ret);

/**
 * entry_body_encode() - the body in clear, uncompressed
 * @header: of the same entry; what follows from its id and locality does not travel again in the body
 */
void entry_body_encode(const struct entry_body *body, const struct entry_header *header,
                       struct buffer *out);

/**
 * entry_body_decode() - read a body in clear
 * @header: of the same entry
 * @arena:  owns ret->changes; everything else borrows from @clear
 *
 * Values of fields that this catalogue knows are checked for form and range (value_decode); of a type or field that it does
 * not know, only that they are one CBOR item (`raw`).
 *
 * Return: 0; PANNIER_E_MALFORMED; PANNIER_E_INVALID a value is out of range; PANNIER_E_LIMIT; PANNIER_E_MEMORY
 */
int entry_body_decode(struct bytes clear, const struct entry_header *header, struct arena *arena,
                      struct entry_body *ret);

/* entry_body_hash() - SHA-256 of a body as it travels: what makes a repeat a repeat */
void entry_body_hash(struct bytes body, uint8_t ret[HASH_SIZE]);

/* entry_chain() - head after an entry: SHA-256(previous head, size of header, header, body); all as they travel */
void entry_chain(const uint8_t previous[HASH_SIZE], struct bytes header, struct bytes body,
                 uint8_t ret[HASH_SIZE]);

/* entry_head_message() - what the device signs: deterministic CBOR of (device, incarnation, lane, seq, head) */
void entry_head_message(const struct uuid *device, const struct uuid *incarnation, uint8_t lane,
                        uint64_t seq, const uint8_t head[HASH_SIZE], struct buffer *out);

#endif
