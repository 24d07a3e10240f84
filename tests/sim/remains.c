/*
 * What lies in a replica's files, searched raw with the key: every page of the file and every frame of the WAL, used or free,
 * what the system has and what a power cut would leave. Of people whom the device may not hold, nothing may be there after the next completed
 * exchange. Most pages are the same as when they were last looked at: what one holds is remembered by its hash.
 *
 * Source: the pages of SQLCipher 4 (https://www.zetetic.net/sqlcipher/design/): AES-256-CBC, the last 48 bytes are the initialisation
 * vector (16) and the HMAC (SHA-1 here, see crypto.c: 20, and 12 unused); the first 16 bytes of the file are the salt
 */
#include "tests/sim/check.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
        PAGE = 4096,
        RESERVE = 48,
        SALT = 16,
        WAL_HEADER = 32,
        FRAME_HEADER = 24,
        NUMBER_DIGITS = 3,
        MEMORY = 1 << 15, /* pages whose content is remembered */
};

struct content { /* of one page: bits by person */
        uint64_t marks, ids;
};

struct known {
        XXH128_hash_t hash;
        struct content content;
};

static struct known memory[MEMORY]; /* of the process: it follows from the page alone */

struct search {
        struct device *device;
        EVP_CIPHER_CTX *cipher;
        bool plain;      /* the file is not encrypted */
        bool explains;   /* look at every page, and say where it was */
        uint64_t wanted; /* bits: whom to explain */
        uint8_t clear[PAGE];
        struct content found;
        char place[80];
};

/* ---- one page ---- */

static void decrypt(struct search *search, const uint8_t *page, bool first)
{
        size_t from = first ? SALT : 0;
        int size = 0;

        memset(search->clear, 0, PAGE);
        if (EVP_DecryptInit_ex(search->cipher, EVP_aes_256_cbc(), NULL, search->device->caseload,
                               page + PAGE - RESERVE) != 1 ||
            EVP_CIPHER_CTX_set_padding(search->cipher, 0) != 1 ||
            EVP_DecryptUpdate(search->cipher, search->clear + from, &size, page + from,
                              (int)(PAGE - RESERVE - from)) != 1)
                world_fail(search->device->world, "a page cannot be decrypted");
}

/* What is printable around a hit, for whoever looks for the reason. */
static void explain(const struct search *search, uint32_t number, const uint8_t *at)
{
        char near[60];
        size_t length = 0;

        for (; length + 1 < sizeof(near) && at + length < search->clear + PAGE; length++)
                near[length] = at[length] >= ' ' && at[length] < 127 ? (char)at[length] : '.';
        near[length] = '\0';
        world_fail(search->device->world,
                   "person %u has left %s, and something of them is in %s: %s", number,
                   search->device->row.name, search->place, near);
}

static uint64_t note(struct search *search, uint32_t number, const uint8_t *at)
{
        uint64_t bit = number < PEOPLE_MAX ? UINT64_C(1) << number : 0;

        if (search->explains && bit & search->wanted)
                explain(search, number, at);
        return bit;
}

static bool is_digit(uint8_t byte)
{
        return byte >= '0' && byte <= '9';
}

static uint64_t look_for_mark(struct search *search, const char *mark)
{
        const uint8_t *end = search->clear + PAGE - 2 - NUMBER_DIGITS, *at = search->clear;
        uint64_t found = 0;

        for (; at <= end && (at = memchr(at, mark[0], (size_t)(end - at) + 1)); at++)
                if (at[1] == (uint8_t)mark[1] && is_digit(at[2]) && is_digit(at[3]) &&
                    is_digit(at[4]))
                        found |= note(search,
                                      (uint32_t)((at[2] - '0') * 100 + (at[3] - '0') * 10 +
                                                 (at[4] - '0')),
                                      at);
        return found;
}

/* A person's id is 16 bytes; what it has in the second is rare, and there it is looked for. */
static uint64_t look_for_ids(struct search *search)
{
        const struct uuid person = sim_id(ID_PERSON, 0);
        const uint8_t *end = search->clear + PAGE - sizeof(person.bytes), *at = search->clear;
        uint64_t found = 0;

        for (; at <= end && (at = memchr(at + 1, person.bytes[1], (size_t)(end - at) + 1));)
                if (memcmp(at - 1, person.bytes, 12) == 0)
                        found |= note(search,
                                      (uint32_t)at[11] << 24 | (uint32_t)at[12] << 16 |
                                              (uint32_t)at[13] << 8 | at[14],
                                      at - 1);
        return found;
}

static struct content look(struct search *search, const uint8_t *page, bool first)
{
        struct content content = {0};

        if (search->plain) { /* bodies are sealed here, ids are not */
                memcpy(search->clear, page, PAGE);
                content.marks = look_for_mark(search, SIM_MARK);
                return content;
        }
        decrypt(search, page, first);
        content.marks = look_for_mark(search, SIM_MARK) | look_for_mark(search, SIM_MARK_SEARCH);
        content.ids = look_for_ids(search);
        return content;
}

static struct content look_at_page(struct search *search, const uint8_t *page, bool first)
{
        uint64_t seed = search->plain ? UINT64_MAX : search->device->number << 1 | first;
        XXH128_hash_t hash = XXH3_128bits_withSeed(page, PAGE, seed);
        struct known *known = &memory[hash.low64 % MEMORY];

        if (search->explains || !XXH128_isEqual(known->hash, hash))
                *known = (struct known){hash, look(search, page, first)};
        search->found.marks |= known->content.marks;
        search->found.ids |= known->content.ids;
        return known->content;
}

/* ---- files ---- */

static void search_file(struct search *search, const struct image *image, const char *which)
{
        for (size_t i = 0; i < image->count; i++) {
                struct image_block *block = image->blocks[i];
                struct content content;

                if (!block)
                        continue;
                if (block->looked && !search->explains) {
                        search->found.marks |= block->seen[0];
                        search->found.ids |= block->seen[1];
                        continue;
                }
                if (search->explains)
                        (void)snprintf(search->place, sizeof(search->place), "%s, page %zu", which,
                                       i + 1);
                content = look_at_page(search, block->data, i == 0);
                block->looked = true;
                block->seen[0] = content.marks;
                block->seen[1] = content.ids;
        }
}

static void search_wal(struct search *search, const struct image *image, const char *which)
{
        uint8_t frame[FRAME_HEADER + PAGE];

        for (uint64_t at = WAL_HEADER; at + sizeof(frame) <= image->size; at += sizeof(frame)) {
                (void)image_read(image, at, frame, sizeof(frame));
                if (search->explains)
                        (void)snprintf(search->place, sizeof(search->place), "%s, at %llu", which,
                                       (unsigned long long)at);
                look_at_page(search, frame + FRAME_HEADER,
                             frame[0] == 0 && frame[1] == 0 && frame[2] == 0 && frame[3] == 1);
        }
}

static void search_replica(struct search *search)
{
        for (size_t i = 0; i < DISK_FILES_MAX && search->cipher; i++) {
                const struct disk_file *file = &search->device->disk.files[i];

                if (strcmp(file->name, "replica.db") == 0) {
                        search_file(search, &file->current, "the current file");
                        search_file(search, &file->durable, "the durable file");
                } else if (strcmp(file->name, "replica.db-wal") == 0) {
                        search_wal(search, &file->current, "the current WAL");
                        search_wal(search, &file->durable, "the durable WAL");
                }
        }
}

/* In the outbox bodies are sealed; what would lie there in clear is found as it is. */
static void search_outbox(struct world *world, struct device *device)
{
        struct search search = {.device = device, .plain = true};

        for (size_t i = 0; i < DISK_FILES_MAX; i++) {
                const struct disk_file *file = &device->disk.files[i];

                if (strncmp(file->name, "outbox", 6) != 0)
                        continue;
                search_file(&search, &file->current, "the current outbox");
                search_file(&search, &file->durable, "the durable outbox");
        }
        if (search.found.marks)
                world_fail(world, "clinical text lies in clear in the outbox of %s",
                           device->row.name);
}

/* Somebody met here, whom the store does not know yet, is the device's own. */
static uint64_t own_people(struct world *world)
{
        uint64_t bits = 0;

        for (size_t i = 0; i < world->person_count; i++)
                if (world->people[i].created)
                        for (size_t k = 0; k < world->machines; k++) {
                                const struct promise *promise =
                                        ledger_find(&world->ledger, &world->people[i].id, k);

                                if (!promise || promise->told == OUTCOME_NONE ||
                                    promise->history != world->server.histories ||
                                    promise->told == OUTCOME_PARKED)
                                        bits |= UINT64_C(1) << i;
                        }
        return bits;
}

static void search_device(struct world *world, struct device *device)
{
        struct search search = {.device = device, .cipher = EVP_CIPHER_CTX_new()};
        uint64_t allowed = device->allowed | own_people(world);
        uint64_t known =
                world->person_count < 64 ? (UINT64_C(1) << world->person_count) - 1 : UINT64_MAX;

        search_replica(&search);
        search.wanted = (search.found.marks | search.found.ids) & known & ~allowed;
        if (search.wanted) {
                search.explains = true;
                search_replica(&search);
        }
        EVP_CIPHER_CTX_free(search.cipher);
        search_outbox(world, device);
}

void check_completed(struct world *world, struct device *device, const struct engine_now *now)
{
        (void)now;
        if (device->allowed & ~device->allowed_next)
                device->scan = true;
        device->allowed = device->allowed_next;
        check_repairs(world, device);
        if ((device->scan || world->calm) && !world_has_clone(world, device->number))
                search_device(world, device);
        device->scan = false;
}
