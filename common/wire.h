/*
 * What travels between device and store: the messages of POST /v1/sync, declared once.
 *
 * A body is one zstd frame of a CBOR sequence (RFC 8742). Each message is an array [kind, element …];
 * which there are and what is in them is in wire_messages.h. This module knows the form of messages and nothing of what they cause.
 *
 * For a newer peer: elements behind those we know are ignored; a message of an unknown kind >= WIRE_KIND_SKIP is
 * passed over, any other unknown kind is PANNIER_E_TOO_NEW ("upgrade needed"). Elements that a later
 * protocol added are zero where an older peer leaves them out.
 */
#ifndef COMMON_WIRE_H
#define COMMON_WIRE_H

#include "common/wire_messages.h"

/* One record as it travels. */
struct wire_row {
        uint64_t position; /* commit that changed it last */
        struct uuid id;
        struct uuid person; /* UUID_NONE for reference data */
        struct uuid author;
        uint16_t role;
        struct uuid device; /* UUID_NONE: the store */
        int64_t recorded_ms;
        struct bytes
                fields; /* record_encode_fields(): pass a reader over it to record_decode_fields() */
};

/*
 * Store to device: records of one type in one locality, [18, locality, epoch, type, count, rows]. The rows lean on each other (a
 * value equal to that of the row before is null), so they are written through a writer and read one after the other.
 */
struct wire_records {
        struct uuid locality;
        uint64_t epoch;
        uint8_t type;     /* number; may be unknown here: keep nothing, say "upgrade needed" */
        size_t row_count; /* rows not read yet */
        struct cbor_reader reader;
        struct wire_row last;
};

/**
 * wire_records_next() - read the next row of a records message
 * @ret: borrows from the message
 *
 * Return: 1 a row; 0 no more; PANNIER_E_MALFORMED
 */
int wire_records_next(struct wire_records *records, struct wire_row *ret);

struct wire_records_writer { /* init with {0}; reusable; deinit with buffer_deinit(&rows) */
        struct buffer rows;
        size_t row_count;
        struct wire_row last;
};

/* wire_records_add() - write one row; @record->type is the same for all rows of a message */
void wire_records_add(struct wire_records_writer *writer, const struct record *record);

/* wire_records_add_row() - the same where the fields were encoded before */
void wire_records_add_row(struct wire_records_writer *writer, const struct wire_row *row);

/* wire_records_size() - bytes that the rows added so far will take, a little more at most */
size_t wire_records_size(const struct wire_records_writer *writer);

/* wire_records_end() - write the message with the rows added so far, none if there were none; the writer is empty then */
void wire_records_end(struct wire_records_writer *writer, const struct uuid *locality,
                      uint64_t epoch, uint8_t type, struct buffer *out);

struct wire_message {
        enum wire_kind kind;
        union {
#define WIRE_UNION(symbol, number, name, fields) struct wire_##name name;
                WIRE_MESSAGES(WIRE_UNION)
#undef WIRE_UNION
                struct wire_records records;
        };
};

struct wire_reader {
        struct cbor_reader reader;
        struct arena *arena;
};

/**
 * wire_reader_init() - read the messages of a body, after decompression
 * @sequence: the CBOR sequence; must live as long as what is read from it
 * @arena:    owns the lists of the messages
 */
void wire_reader_init(struct wire_reader *reader, struct bytes sequence, struct arena *arena);

/**
 * wire_next() - read the next message
 * @ret: borrows from the sequence and the arena
 *
 * Every count and size is held against its limit above before anything is allocated. Rows of a records message
 * are checked as they are read (wire_records_next).
 *
 * Return: 1 a message; 0 no more; PANNIER_E_MALFORMED; PANNIER_E_LIMIT; PANNIER_E_TOO_NEW; PANNIER_E_MEMORY
 */
int wire_next(struct wire_reader *reader, struct wire_message *ret);

/*
 * One part alone, to keep it in a database: wire_receipt_put(part, out), wire_receipt_read(encoded, arena, ret), and so on for
 * each part. What is read borrows from @encoded and @arena; PANNIER_E_MALFORMED, PANNIER_E_LIMIT, PANNIER_E_MEMORY.
 */
#define WIRE_DECLARE_PART(name, fields)                                                            \
        void name##_put(const struct name *part, struct buffer *out);                              \
        int name##_read(struct bytes encoded, struct arena *arena, struct name *ret);
WIRE_PARTS(WIRE_DECLARE_PART)
#undef WIRE_DECLARE_PART

/* wire_kind_name() - "device_hello" …, "unknown"; static */
const char *wire_kind_name(uint64_t kind);

/* Cursors: order of (epoch, position, record); the place inside a join does not count. <0, 0, >0 */
int wire_cursor_compare(const struct wire_cursor *a, const struct wire_cursor *b);

/* Feeds and grants: the order in which vectors and lists are sorted (bytes of locality, kind, bytes of id, class). */
int wire_feed_key_compare(const struct wire_feed_key *a, const struct wire_feed_key *b);
void wire_feeds_sort(struct wire_feed_state *feeds, size_t count);
void wire_grants_sort(struct wire_grant *grants, size_t count);

/*
 * Hashes that stand for what both sides know: SHA-256 of the deterministic CBOR of the list (of ids: of their bytes). A list
 * that is not sorted, or holds something twice, is PANNIER_E_INVALID. No ids, feeds or grants: all zero, which travels as null.
 */
int wire_vector_hash(const struct wire_feed_state *feeds, size_t count, uint8_t ret[HASH_SIZE]);
int wire_grants_hash(const struct wire_grant *grants, size_t count, uint8_t ret[HASH_SIZE]);
int wire_parked_hash(const struct uuid *ids, size_t count, uint8_t ret[HASH_SIZE]);

/* wire_head_message() - what the store signs for a head: deterministic CBOR of ("head", all of it but the signature) */
void wire_head_message(const struct wire_head *head, struct buffer *out);

/* wire_seal_key_message() - what the store signs for a seal key: deterministic CBOR of ("seal", id, point) */
void wire_seal_key_message(const struct wire_seal_key *key, struct buffer *out);

/* wire_receipt_hashes() - append the SHA-256 of each receipt, body_hash set: what the signature of all is taken over */
void wire_receipt_hashes(const struct wire_receipt *receipts, size_t count, struct buffer *hashes);

/**
 * wire_receipts_message() - what the store signs for a receipts message
 *
 * Deterministic CBOR of ("receipts", device, store time, SHA-256 of the hashes of all receipts behind each other); a
 * receipt's hash is the SHA-256 of its CBOR with body_hash set. Before checking a signature, the device sets body_hash of each
 * receipt that came without it to the hash of the entry as it sent it (entry_body_hash).
 */
void wire_receipts_message(const struct uuid *device, int64_t now_ms,
                           const struct wire_receipt *receipts, size_t count, struct buffer *out);

/* wire_receipts_signed() - the same, where the hashes of the receipts (wire_receipt_hashes) are at hand */
void wire_receipts_signed(const struct uuid *device, int64_t now_ms, struct bytes hashes,
                          struct buffer *out);

#endif
