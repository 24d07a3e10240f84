/*
 * What is inside a conflict record: the values that stand beside each other until somebody decides.
 *
 * A conflict is an ordinary record of the type the catalogue marks (is_conflict); some of its fields hold
 * deterministic CBOR that this module reads and writes for both sides:
 *
 *   fields    set of field numbers; empty for a conflict about whole records (duplicate)
 *   standing  {field number: value or null}: what the record shows now in these fields
 *   others    [[id, author, role, recorded_ms, state, {field number: value or null}] …], in the order of arrival
 *
 * Values have the form in which they travel in an entry: for a set or map that is a change (record.h). A value's id
 * is that of the entry that brought it; in a conflict of kind duplicate, the id of the other record.
 *
 * A *decide* entry is written to the conflict record and carries one change: its field `decision`, a blob
 *
 *   [id chosen, [ids of the values seen …]]   both ascending by nothing but the order of the bytes of an id
 *
 * The id chosen is one of those seen, or the conflict's own id: what stands shall stand. Only the values named as seen are
 * closed; one that came later stays open. The store answers it, and nobody else edits a conflict.
 */
#ifndef COMMON_CONFLICT_H
#define COMMON_CONFLICT_H

#include "common/entry.h"

enum {
        CONFLICT_VALUES_MAX =
                200, /* values in one conflict; further ones are quarantined (limit) */
        CONFLICT_BLOB_MAX = 48 << 10, /* bytes of `others` */
};

enum conflict_state { /* of one value; the numbers travel */
                      CONFLICT_OPEN = 0,
                      CONFLICT_REFUSED = 1, /* seen, and another one was chosen */
                      CONFLICT_CHOSEN = 2,
                      CONFLICT_REPLACED = 3, /* its author's later entry took its place */
};

struct conflict_value {
        struct uuid id;
        struct uuid author;
        uint16_t role;
        int64_t recorded_ms;
        enum conflict_state state;
        struct entry_change *changes; /* ascending by number; values borrow */
        size_t change_count;
};

struct conflict {
        struct uuid id;     /* of the conflict record */
        struct uuid person; /* of the record it is about */
        int64_t kind;       /* option number; catalogue_bind()->conflict names them */
        const struct catalogue_type
                *type; /* of the record it is about; NULL where it is unknown here */
        uint8_t type_number;
        struct uuid record;
        uint16_t fields[FIELD_COUNT_MAX];
        size_t field_count;
        struct entry_change *standing;
        size_t standing_count;
        struct conflict_value *others; /* those that are closed, too */
        size_t other_count;
        bool decided; /* its status: no value is open */
};

/**
 * conflict_read() - what a conflict record says
 * @record: of the conflict type; must live as long as ret
 * @arena:  owns the lists
 *
 * Return: 0; PANNIER_E_MALFORMED; PANNIER_E_LIMIT; PANNIER_E_MEMORY
 */
int conflict_read(const struct record *record, struct arena *arena, struct conflict *ret);

/**
 * conflict_write() - put it into a record's values: kind, record, blobs, entries and status
 * @arena: owns the bytes that the record borrows
 *
 * The other fields of the record (decision, …), its author and position are left as they are.
 *
 * Return: 0; PANNIER_E_LIMIT where the blobs are too large; PANNIER_E_MEMORY
 */
int conflict_write(const struct conflict *conflict, struct arena *arena, struct record *record);

/* conflict_value_find() - the value with this id, NULL where there is none; of several the newest */
struct conflict_value *conflict_value_find(const struct conflict *conflict, const struct uuid *id);

/* conflict_open_count() - values that nobody has decided about */
size_t conflict_open_count(const struct conflict *conflict);

struct conflict_decision {
        struct uuid chosen;
        struct uuid *seen; /* ascending, each once */
        size_t seen_count;
};

/* conflict_decision_write() - the blob of a decide entry; sorts @decision->seen */
void conflict_decision_write(struct conflict_decision *decision, struct buffer *out);

/* conflict_decision_read() - 0; PANNIER_E_MALFORMED (also where `seen` is not ascending); PANNIER_E_LIMIT; PANNIER_E_MEMORY */
int conflict_decision_read(struct bytes blob, struct arena *arena, struct conflict_decision *ret);

#endif
