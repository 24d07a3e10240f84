/*
 * Attachments' bytes on the device's disk, sealed. It knows files and keys; not whose they are, nor what became of the entry that names them.
 *
 *     STATE/outbox.d/ENTRY   what the store may not have yet: precious, kept until its receipt for the bytes
 *     STATE/outbox.d/ENTRY.new   whole, before its entry was recorded: after a crash the entry says whether it is one of ours
 *     STATE/kept.d/RECORD    what can be fetched again; its key is in the replica, and goes with the person
 *
 * A file is a head and chunks of 256 KiB, each under AES-256-GCM with the file's own random key; a chunk's place and whether it is
 * the last are part of what is authenticated. In outbox.d the head has that key, the hash and the size, sealed under the caseload key. In
 * kept.d it is zero: who has no key from the replica has noise.
 *
 * Nothing in clear ever reaches the disk. What a call says is there is durable: file and folder are flushed.
 */
#ifndef DAEMON_SATCHEL_H
#define DAEMON_SATCHEL_H

#include "common/attachment.h"

struct satchel;
struct satchel_writer;

enum {
        SATCHEL_OUT_MAX = 512 << 20,  /* bytes in outbox.d; more are refused */
        SATCHEL_KEPT_MAX = 256 << 20, /* bytes in kept.d; what was used longest ago goes */
        SATCHEL_RESERVE_MIB =
                64, /* MiB of the disk that attachments leave to entries, where nothing else is said */
        SATCHEL_ORPHAN_S =
                3600, /* bytes whose entry was never recorded are cleared when they are so old */
};

enum satchel_place { SATCHEL_OUT, SATCHEL_KEPT };

struct satchel_options {
        const char *state; /* folder */
        struct uuid device;
        struct bytes caseload_key; /* AEAD_KEY_SIZE; copied */
        uint64_t reserve_bytes;    /* of the disk that stay free */
        void (*random)(void *data, size_t size);
};

/* satchel_open() - make the folders where they are not there; what a crash left half written goes */
int satchel_open(const struct satchel_options *options, struct satchel **ret);
struct satchel *satchel_free(struct satchel *satchel);
DEFINE_FREEP(satchel)

/* ---- writing ---- */

/**
 * satchel_begin() - a new file, beside its place
 *
 * Return: 0; PANNIER_E_STORAGE there is no room (SATCHEL_OUT_MAX, the disk's reserve), or the disk failed; PANNIER_E_MEMORY
 */
int satchel_begin(struct satchel *satchel, enum satchel_place place, const struct uuid *id,
                  struct satchel_writer **ret);

/* satchel_add() - returns as satchel_begin(), also PANNIER_E_LIMIT over ATTACHMENT_SIZE_MAX */
int satchel_add(struct satchel_writer *writer, struct bytes piece);

/*
 * satchel_end() - that was all: hash and size of it; durable as ENTRY.new, or beside its place in kept.d. PANNIER_E_INVALID where it was
 * nothing. Of two that end under one id, the later one is there.
 */
int satchel_end(struct satchel_writer *writer, struct attachment *ret);

/* satchel_publish() - its entry is recorded: put it in its place, durably; one that is there is replaced */
int satchel_publish(struct satchel_writer *writer);

/**
 * satchel_recover() - at start: what ended and was not published
 * @named: does an entry name it? 1, 0, or an error; then it is published, or cleared once it is SATCHEL_ORPHAN_S old
 */
int satchel_recover(struct satchel *satchel, int64_t now_ms,
                    int (*named)(void *context, const struct uuid *id,
                                 const struct attachment *attachment),
                    void *context);

/* satchel_writer_key() - the file's key, for what is kept; AEAD_KEY_SIZE bytes, borrowed */
const uint8_t *satchel_writer_key(const struct satchel_writer *writer);

/* satchel_writer_free() - what was not published is gone */
struct satchel_writer *satchel_writer_free(struct satchel_writer *writer);
DEFINE_FREEP(satchel_writer)

/* ---- what is there ---- */

/* satchel_out() - what lies in outbox.d under an id: 1 and its hash and size, and its key where @ret_key; 0 nothing, or it has its receipt;
 * PANNIER_E_CORRUPT its head is damaged */
int satchel_out(struct satchel *satchel, const struct uuid *id, struct attachment *ret,
                uint8_t ret_key[AEAD_KEY_SIZE]);

/**
 * satchel_read() - append one chunk in clear
 * @key: of the file
 *
 * Return: 0; PANNIER_E_NOT_FOUND; PANNIER_E_CORRUPT it is not what was written
 */
int satchel_read(struct satchel *satchel, enum satchel_place place, const struct uuid *id,
                 const uint8_t key[AEAD_KEY_SIZE], uint64_t size, uint32_t chunk,
                 struct buffer *out);

/* satchel_has() - is there a file? Nothing is read of it */
bool satchel_has(const struct satchel *satchel, enum satchel_place place, const struct uuid *id);

struct satchel_file {
        struct uuid id;
        uint64_t size;     /* bytes on the disk */
        int64_t written_s; /* since 1970, as the file system says */
};

/* satchel_each() - @visit returns 0 to go on, or what ends it; it may remove the file it is told of */
int satchel_each(struct satchel *satchel, enum satchel_place place,
                 int (*visit)(void *context, const struct satchel_file *file), void *context);

/* satchel_bytes() - on the disk in one of the places */
uint64_t satchel_bytes(const struct satchel *satchel, enum satchel_place place);

/* ---- what becomes of it ---- */

/* satchel_settle() - the store has it: the key leaves the file, and the file goes to kept.d. Again after a crash: no harm */
int satchel_settle(struct satchel *satchel, const struct uuid *id);

/* satchel_remove() - durably; not being there is no error */
int satchel_remove(struct satchel *satchel, enum satchel_place place, const struct uuid *id);

/* satchel_trim() - until kept.d is within its limit, what was used longest ago goes */
int satchel_trim(struct satchel *satchel);

#endif
