/*
 * Attachments' bytes on the store's disk. Everything here is files; no database, no network, nothing about who may do what.
 *
 *     FOLDER/ab/HASH.RECORD   bytes that are whole, then the hash of each chunk, then a hash over those: damage has a place
 *     FOLDER/parts/ENTRY      chunks so far, each behind its hash, in order: a restart goes on behind the last good one
 *     FOLDER/wanted/RECORD    somebody found bytes of the record damaged or missing: a device that has them may bring them
 *
 * A name has both hash and record: bytes that were brought for one record are never given for another, whatever hash that one names.
 * What a call says is here is durable: file and folder are flushed before it returns.
 *
 * One process writes (serve, on one thread); others may read and put into `wanted`.
 */
#ifndef STORE_VAULT_H
#define STORE_VAULT_H

#include "common/attachment.h"

struct vault;

enum {
        VAULT_PART_DAYS = 30,   /* without a new chunk: what was brought so far is dropped */
        VAULT_PARTS_MAX = 4096, /* begun and not whole, of all devices */
};

struct vault_limits {
        uint64_t total_max;   /* bytes of everything */
        uint64_t reserve_min; /* bytes that stay free on the disk */
};

/*
 * vault_open() - make the folders where they are not there, drop what was left behind, count
 * @limits: NULL: only to read and to want, while another process may serve; nothing is dropped or counted
 */
int vault_open(const char *folder, const struct vault_limits *limits, int64_t now_ms,
               struct vault **ret);
struct vault *vault_free(struct vault *vault);
DEFINE_FREEP(vault)

/* What somebody may bring: judged by the caller. */
struct vault_claim {
        struct uuid entry;  /* that authorises it: its part is nobody else's */
        struct uuid record; /* whose bytes they are */
        struct attachment attachment;
};

/* vault_next() - the first chunk that is missing; the count of chunks where nothing is. A part is read and checked for it. */
int vault_next(struct vault *vault, const struct vault_claim *claim, uint32_t *ret);

enum vault_outcome {
        VAULT_TAKEN = 0,
        VAULT_NOT_NEXT =
                1, /* another chunk is the first that is missing: vault_next() says which */
        VAULT_OTHER =
                2, /* all chunks are here, and are not what was named: everything is forgotten */
};

/**
 * vault_put() - take the next chunk; with the last one the whole is checked and put in its place
 * @hash: of the chunk, as its sender computed it
 *
 * Return: enum vault_outcome; PANNIER_E_INVALID the chunk has another size or another hash; PANNIER_E_LIMIT no more room is given to
 *         attachments (total_max, reserve_min, VAULT_PARTS_MAX); PANNIER_E_STORAGE the disk is full or failed. On an error nothing was taken
 */
int vault_put(struct vault *vault, const struct vault_claim *claim, uint32_t chunk,
              struct bytes bytes, const uint8_t hash[HASH_SIZE], int64_t now_ms);

/**
 * vault_get() - append one chunk of a record's bytes
 *
 * Return: 0; PANNIER_E_NOT_FOUND they are not here whole, or there is no such chunk; PANNIER_E_CORRUPT it is damaged: it is wanted from now on
 */
int vault_get(struct vault *vault, const struct uuid *record, const struct attachment *attachment,
              uint32_t chunk, struct buffer *out);

/* vault_check() - read all of it: 0 good, 1 missing, 2 damaged (both are wanted from now on), or an error */
int vault_check(struct vault *vault, const struct uuid *record,
                const struct attachment *attachment);

/* vault_is_wanted() - were bytes of the record found damaged or missing? */
bool vault_is_wanted(const struct vault *vault, const struct uuid *record);
/* vault_wanted() - @visit returns 0 to go on, 1 to stop or an error */
int vault_wanted(const struct vault *vault, int (*visit)(void *context, const struct uuid *record),
                 void *context);

/**
 * vault_copy() - copy whole attachments that are not there yet into another such folder
 * @to: made where it is not there
 */
int vault_copy(const char *folder, const char *to, uint64_t *ret_count, uint64_t *ret_bytes);

uint64_t vault_used(const struct vault *vault); /* bytes, as far as they were counted */

#endif
