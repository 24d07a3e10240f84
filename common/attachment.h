/*
 * Bytes that belong to a record and travel apart from it (docs/protocol.md, "Attachments"): what the record says of them, how they are
 * cut into chunks, and what the store signs when it has them. It knows no files and no network.
 *
 * Which types of records have bytes is said by the catalogue (bytes_hash_index and its neighbours); nothing here knows one by name.
 */
#ifndef COMMON_ATTACHMENT_H
#define COMMON_ATTACHMENT_H

#include "common/crypto.h"
#include "common/entry.h"
#include "common/record.h"
#include "common/wire_messages.h"

enum {
        ATTACHMENT_SIZE_MAX = 16 << 20,    /* bytes of one attachment */
        ATTACHMENT_CHUNK_SIZE = 256 << 10, /* bytes of a chunk; the last one may be shorter */
        ATTACHMENT_CHUNKS_MAX = ATTACHMENT_SIZE_MAX / ATTACHMENT_CHUNK_SIZE,
};

/* What a record, or the entry that makes it, says of its bytes. */
struct attachment {
        uint8_t hash[HASH_SIZE]; /* SHA-256 of all of them */
        uint64_t size;           /* 1 … ATTACHMENT_SIZE_MAX */
        const char *media_type;  /* "image/jpeg", …; static */
};

/* attachment_type() - do records of the type have bytes? */
bool attachment_type(const struct catalogue_type *type);

/* attachment_of_record() - 1 it has bytes, 0 it has none, or PANNIER_E_INVALID where what it says of them makes no sense */
int attachment_of_record(const struct record *record, struct attachment *ret);

/* attachment_of_entry() - the same of an entry that creates a record; 0 for any other entry */
int attachment_of_entry(const struct entry_body *body, struct attachment *ret);

/* attachment_media() - option number of a media type in the field that says it; 0: the type does not take such files */
uint16_t attachment_media(const struct catalogue_type *type, struct bytes media_type);

/* attachment_chunk_count() - of so many bytes; attachment_chunk_size() - bytes of chunk @chunk of them, 0 beyond the last */
uint32_t attachment_chunk_count(uint64_t size);
size_t attachment_chunk_size(uint64_t size, uint32_t chunk);

/* attachment_message() - what the store signs: it has these bytes, brought for this entry of this device, durably */
void attachment_message(const struct uuid *device, const struct wire_attachment *attachment,
                        struct buffer *out);

#endif
