/*
 * What lies in a replica's files, searched raw with the key: every page of the file and every frame of the WAL, used or free,
 * what the system has and what a power cut would leave. Of people whom the device may not hold, nothing may be there after the next completed
 * exchange.
 *
 * Source: the pages of SQLCipher 4 (https://www.zetetic.net/sqlcipher/design/): AES-256-CBC, the last 80 bytes are the initialisation
 * vector (16) and the HMAC (64); the first 16 bytes of the file are the salt
 */
#include "tests/sim/check.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum {
        PAGE = 4096,
        RESERVE = 80,
        SALT = 16,
        WAL_HEADER = 32,
        FRAME_HEADER = 24,
        NUMBER_DIGITS = 3,
};

struct search {
        struct device *device;
        EVP_CIPHER_CTX *cipher;
        uint8_t clear[PAGE];
        uint64_t found; /* bits: people whose mark or id was seen */
        char place[80], where[PEOPLE_MAX][80];
        char near[PEOPLE_MAX][60]; /* what is printable around the first hit */
};

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

static void note(struct search *search, uint32_t number, const uint8_t *at)
{
        uint64_t bit = UINT64_C(1) << (number & 63);
        size_t length = 0;

        if (number >= search->device->world->person_count || search->found & bit)
                return;
        search->found |= bit;
        memcpy(search->where[number], search->place, sizeof(search->place));
        for (; length + 1 < sizeof(search->near[number]) && at + length < search->clear + PAGE;
             length++)
                search->near[number][length] =
                        at[length] >= ' ' && at[length] < 127 ? (char)at[length] : '.';
        search->near[number][length] = '\0';
}

/* The place up to which a feed was read is named by the last row's id, which may be that of somebody who left there. */
static bool is_cursor(const struct device *device, const uint8_t *id)
{
        for (size_t i = 0; i < device->cursor_count; i++)
                if (memcmp(device->cursors[i].bytes, id, 16) == 0)
                        return true;
        return false;
}

static void look_for_mark(struct search *search, const char *mark)
{
        const uint8_t *end = search->clear + PAGE, *at = search->clear, *hit;
        size_t size = strlen(mark);

        for (; (hit = memmem(at, (size_t)(end - at), mark, size)); at = hit + 1) {
                const uint8_t *digits = hit + size;

                if (end - digits >= NUMBER_DIGITS && digits[0] >= '0' && digits[0] <= '9')
                        note(search,
                             (uint32_t)((digits[0] - '0') * 100 + (digits[1] - '0') * 10 +
                                        (digits[2] - '0')),
                             hit);
        }
}

static void look(struct search *search)
{
        const struct uuid person = sim_id(ID_PERSON, 0);
        const uint8_t *end = search->clear + PAGE, *at, *hit;

        look_for_mark(search, SIM_MARK);
        look_for_mark(search, SIM_MARK_SEARCH);
        for (at = search->clear; (hit = memmem(at, (size_t)(end - at), person.bytes, 12));
             at = hit + 1)
                if (end - hit >= 16 && !is_cursor(search->device, hit))
                        note(search,
                             (uint32_t)hit[12] << 24 | (uint32_t)hit[13] << 16 |
                                     (uint32_t)hit[14] << 8 | hit[15],
                             hit);
}

static void search_file(struct search *search, const struct image *image, const char *which)
{
        uint8_t page[PAGE];

        for (uint64_t at = 0; at + PAGE <= image->size; at += PAGE) {
                (void)image_read(image, at, page, PAGE);
                (void)snprintf(search->place, sizeof(search->place), "%s file, page %llu", which,
                               (unsigned long long)(at / PAGE + 1));
                decrypt(search, page, at == 0);
                look(search);
        }
}

static void search_wal(struct search *search, const struct image *image, const char *which)
{
        uint8_t frame[FRAME_HEADER + PAGE];

        for (uint64_t at = WAL_HEADER; at + sizeof(frame) <= image->size; at += sizeof(frame)) {
                (void)image_read(image, at, frame, sizeof(frame));
                (void)snprintf(search->place, sizeof(search->place), "%s WAL, at %llu", which,
                               (unsigned long long)at);
                decrypt(search, frame + FRAME_HEADER,
                        frame[0] == 0 && frame[1] == 0 && frame[2] == 0 && frame[3] == 1);
                look(search);
        }
}

/* In the outbox bodies are sealed; what would lie there in clear is found as it is. */
static void search_clear(struct search *search, const struct image *image)
{
        for (uint64_t at = 0; at < image->size; at += PAGE) {
                (void)image_read(image, at, search->clear, PAGE);
                for (size_t i = 0; i + sizeof(SIM_MARK) - 1 <= PAGE; i++)
                        if (memcmp(search->clear + i, SIM_MARK, sizeof(SIM_MARK) - 1) == 0 &&
                            i + 5 <= PAGE && search->clear[i + 2] == '0' &&
                            search->clear[i + 3] >= '0' && search->clear[i + 3] <= '9' &&
                            search->clear[i + 4] >= '0' && search->clear[i + 4] <= '9')
                                world_fail(search->device->world,
                                           "clinical text lies in clear in the outbox of %s",
                                           search->device->row.name);
        }
}

/* Somebody met here, whom the store does not know yet, is the device's own. */
static uint64_t own_people(struct world *world)
{
        uint64_t bits = 0;

        for (size_t i = 0; i < world->person_count; i++)
                if (world->people[i].created)
                        for (size_t k = 0; k < world->plan.devices; k++) {
                                const struct promise *promise =
                                        ledger_find(&world->ledger, &world->people[i].id, k);

                                if (!promise || promise->told == OUTCOME_NONE ||
                                    promise->told == OUTCOME_PARKED)
                                        bits |= UINT64_C(1) << i;
                        }
        return bits;
}

static void report(struct search *search, uint64_t allowed)
{
        uint64_t left = search->found & ~allowed;

        for (uint32_t i = 0; i < PEOPLE_MAX; i++)
                if (left >> i & 1) {
                        world_fail(search->device->world,
                                   "person %u has left %s, and something of them is in %s: %s", i,
                                   search->device->row.name, search->where[i], search->near[i]);
                        return;
                }
}

static void search_device(struct world *world, struct device *device)
{
        struct search search = {.device = device, .cipher = EVP_CIPHER_CTX_new()};

        for (size_t i = 0; i < DISK_FILES_MAX && search.cipher; i++) {
                const struct disk_file *file = &device->disk.files[i];
                const struct image *images[2] = {&file->current, &file->durable};

                for (size_t k = 0; k < 2; k++) {
                        if (strcmp(file->name, "replica.db") == 0)
                                search_file(&search, images[k], k ? "durable" : "current");
                        else if (strcmp(file->name, "replica.db-wal") == 0)
                                search_wal(&search, images[k], k ? "durable" : "current");
                        else if (strncmp(file->name, "outbox", 6) == 0)
                                search_clear(&search, images[k]);
                }
        }
        EVP_CIPHER_CTX_free(search.cipher);
        report(&search, device->allowed | own_people(world));
}

void check_completed(struct world *world, struct device *device, const struct engine_now *now)
{
        (void)now;
        if (device->allowed & ~device->allowed_next)
                device->scan = true;
        device->allowed = device->allowed_next;
        if (device->scan || world->calm)
                search_device(world, device);
        device->scan = false;
}
