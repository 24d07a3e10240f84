/*
 * A file's name says everything that is asked about it: KIND-DEVICE-BUNDLE-PART-HASH. So the bag has no index that could
 * disagree with the files, and names sort in the order in which parts are to arrive. The hash keeps two different parts of one name
 * apart: whoever forges a part cannot push out the true one.
 */
#include "daemon/carry.h"

#include "common/error.h"
#include "common/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_SIZE = 4096, HASH_DIGITS = 16, DAY_MS = 24 * 60 * 60 * 1000 };

struct carry {
        char folder[FOLDER_SIZE];
};

static const char *const prefixes[CARRY_KIND_COUNT] = {
        [CARRY_UP] = "up", [CARRY_BACK] = "back", [CARRY_REFUSED] = "refused"};

/* ---- names ---- */

static void make_name(enum carry_kind kind, const struct uuid *device, const struct uuid *bundle,
                      uint32_t part, const char *hash, char ret[CARRY_NAME_SIZE])
{
        char of[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];

        uuid_format(device, of);
        uuid_format(bundle, id);
        (void)snprintf(ret, CARRY_NAME_SIZE, "%s-%s-%s-%02u-%s", prefixes[kind], of, id, part,
                       hash);
}

static void hash_of(struct bytes message, char ret[HASH_DIGITS + 1])
{
        uint8_t hash[HASH_SIZE];

        crypto_sha256(message, hash);
        bytes_hex(BYTES(hash, HASH_DIGITS / 2), ret);
}

/* Is it the name of an item? Nothing else in the folder is touched. */
static bool read_name(const char *name, enum carry_kind *ret_kind, struct carry_item *ret)
{
        const size_t id = UUID_TEXT_SIZE - 1;
        const char *at = NULL;
        size_t size = strlen(name);
        char again[CARRY_NAME_SIZE];

        for (int kind = 0; kind < CARRY_KIND_COUNT; kind++) {
                size_t length = strlen(prefixes[kind]);

                if (strncmp(name, prefixes[kind], length) != 0 || name[length] != '-')
                        continue;
                *ret_kind = (enum carry_kind)kind;
                at = name + length + 1;
        }
        if (!at || size >= CARRY_NAME_SIZE || strlen(at) != id + 1 + id + 1 + 2 + 1 + HASH_DIGITS ||
            uuid_parse(BYTES(at, id), &ret->device) < 0 ||
            uuid_parse(BYTES(at + id + 1, id), &ret->bundle) < 0)
                return false;
        at += 2 * (id + 1);
        if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
                return false;
        ret->part = (uint32_t)(10 * (at[0] - '0') + at[1] - '0');
        make_name(*ret_kind, &ret->device, &ret->bundle, ret->part, at + 3, again);
        if (strcmp(again, name) != 0)
                return false;
        memcpy(ret->name, name, size + 1);
        return true;
}

static int path_of(const struct carry *carry, const char *name, char ret[FOLDER_SIZE])
{
        int size = snprintf(ret, FOLDER_SIZE, "%s/%s", carry->folder, name);

        return size > 0 && size < FOLDER_SIZE ? 0
                                              : FAIL(PANNIER_E_LIMIT, "the bag's path is too long");
}

/* ---- what is there ---- */

struct items {
        struct carry_item *items;
        size_t count, capacity;
        size_t bytes;
};

static void items_deinit(struct items *items)
{
        free(items->items);
}

static int add_item(struct items *items, const struct carry_item *item)
{
        if (items->count == items->capacity) {
                size_t more = items->capacity ? 2 * items->capacity : 64;
                struct carry_item *grown = reallocarray(items->items, more, sizeof(*grown));

                if (!grown)
                        return FAIL(PANNIER_E_MEMORY, "no memory for what is carried");
                items->items = grown;
                items->capacity = more;
        }
        items->items[items->count++] = *item;
        items->bytes += item->size;
        return 0;
}

static int compare_items(const void *a, const void *b)
{
        const struct carry_item *x = a, *y = b;

        return strcmp(x->name, y->name);
}

static int stat_item(const struct carry *carry, struct carry_item *item)
{
        char path[FOLDER_SIZE];
        struct stat about;
        int r = path_of(carry, item->name, path);

        if (r < 0)
                return r;
        if (lstat(path, &about) < 0 || !S_ISREG(about.st_mode))
                return 0;
        item->size = (size_t)about.st_size;
        item->taken_ms = (int64_t)about.st_mtim.tv_sec * 1000;
        return 1;
}

static int list(const struct carry *carry, enum carry_kind kind, struct items *ret)
{
        DIR *folder = opendir(carry->folder);
        const struct dirent *entry;
        int r = 0;

        if (!folder)
                return FAIL(PANNIER_E_STORAGE, "%s: %s", carry->folder, strerror(errno));
        while (r >= 0 && (entry = readdir(folder))) {
                struct carry_item item = {0};
                enum carry_kind is;

                if (!read_name(entry->d_name, &is, &item) || is != kind)
                        continue;
                r = stat_item(carry, &item);
                if (r > 0)
                        r = add_item(ret, &item);
        }
        (void)closedir(folder);
        if (r >= 0 && ret->count > 1)
                qsort(ret->items, ret->count, sizeof(*ret->items), compare_items);
        return r < 0 ? r : 0;
}

int carry_each(struct carry *carry, enum carry_kind kind,
               int (*visit)(void *context, const struct carry_item *item), void *context)
{
        CLEANUP(items_deinit) struct items items = {0};
        int r = list(carry, kind, &items);

        for (size_t i = 0; i < items.count && r == 0; i++)
                r = visit(context, &items.items[i]);
        return r;
}

void carry_count(struct carry *carry, struct carry_counts *ret)
{
        *ret = (struct carry_counts){0};
        for (int kind = 0; kind < CARRY_KIND_COUNT; kind++) {
                CLEANUP(items_deinit) struct items items = {0};

                if (list(carry, (enum carry_kind)kind, &items) < 0)
                        error_clear(); /* a bag that cannot be read is empty to whoever looks */
                ret->count[kind] = items.count;
                ret->bytes[kind] = items.bytes;
        }
}

/* ---- life ---- */

static void drop(const struct carry *carry, const char *name)
{
        char path[FOLDER_SIZE];

        if (path_of(carry, name, path) == 0)
                (void)unlink(path);
        error_clear();
}

/* What file_write() had not finished. */
static void drop_unfinished(const struct carry *carry)
{
        DIR *folder = opendir(carry->folder);
        const struct dirent *entry;

        while (folder && (entry = readdir(folder))) {
                size_t size = strlen(entry->d_name);

                if (size > 4 && strcmp(entry->d_name + size - 4, ".new") == 0)
                        drop(carry, entry->d_name);
        }
        if (folder)
                (void)closedir(folder);
}

int carry_new(const char *folder, struct carry **ret)
{
        CLEANUP(carry_freep) struct carry *carry = calloc(1, sizeof(*carry));
        int r;

        if (!carry)
                return FAIL(PANNIER_E_MEMORY, "no memory for what is carried");
        if (strlen(folder) + CARRY_NAME_SIZE + 8 > sizeof(carry->folder))
                return FAIL(PANNIER_E_LIMIT, "the state's path is too long");
        memcpy(carry->folder, folder, strlen(folder) + 1);
        r = file_make_folder(folder, 0700);
        if (r < 0)
                return r;
        drop_unfinished(carry);
        *ret = TAKE(carry);
        return 0;
}

struct carry *carry_free(struct carry *carry)
{
        free(carry);
        return NULL;
}

/* ---- up ---- */

static int read_one(struct bytes encoded, enum wire_kind kind, struct arena *arena,
                    struct wire_message *ret)
{
        struct wire_reader reader;
        int r;

        wire_reader_init(&reader, encoded, arena);
        r = wire_next(&reader, ret);
        if (r < 0)
                return r == PANNIER_E_TOO_NEW ? PANNIER_E_MALFORMED : r;
        if (r == 0 || ret->kind != kind || !cbor_at_end(&reader.reader))
                return FAIL(PANNIER_E_MALFORMED, "this is not a part of a bundle");
        return 0;
}

static int check_room(const struct carry *carry, const struct uuid *device, size_t size)
{
        CLEANUP(items_deinit) struct items items = {0};
        size_t own = 0;
        int r = list(carry, CARRY_UP, &items);

        if (r < 0)
                return r;
        for (size_t i = 0; i < items.count; i++)
                if (uuid_equal(&items.items[i].device, device))
                        own += items.items[i].size;
        if (items.count >= CARRY_PARTS_MAX || items.bytes + size > CARRY_BYTES_MAX)
                return FAIL(PANNIER_E_LIMIT,
                            "this courier's bag is full: %zu parts, %zu MiB wait to be delivered",
                            items.count, items.bytes >> 20);
        if (own + size > CARRY_DEVICE_MAX)
                return FAIL(PANNIER_E_LIMIT, "this courier carries at most %d MiB for one device",
                            CARRY_DEVICE_MAX >> 20);
        return 0;
}

int carry_put(struct carry *carry, struct bytes message)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct wire_message read;
        char name[CARRY_NAME_SIZE], path[FOLDER_SIZE], hash[HASH_DIGITS + 1];
        int r = read_one(message, WIRE_KIND_BUNDLE, &arena, &read);

        if (r < 0)
                return r;
        hash_of(message, hash);
        make_name(CARRY_UP, &read.bundle.device, &read.bundle.bundle, read.bundle.part, hash, name);
        r = path_of(carry, name, path);
        if (r < 0 || access(path, F_OK) == 0)
                return r;
        r = check_room(carry, &read.bundle.device, message.size);
        return r < 0 ? r : file_write(path, message, 0600);
}

int carry_next(struct carry *carry, struct carry_item *ret, struct buffer *out)
{
        CLEANUP(items_deinit) struct items items = {0};
        char path[FOLDER_SIZE];
        int r = list(carry, CARRY_UP, &items);

        for (size_t i = 0; i < items.count && r >= 0; i++) {
                r = path_of(carry, items.items[i].name, path);
                buffer_reset(out);
                if (r >= 0)
                        r = file_read(path, (size_t)2 * WIRE_BUNDLE_BODY_MAX, out);
                if (r == 0) {
                        *ret = items.items[i];
                        return 1;
                }
                if (r == PANNIER_E_LIMIT || r == PANNIER_E_NOT_FOUND) {
                        error_clear(); /* somebody else put it there, or took it away */
                        r = 0;
                }
        }
        return r;
}

int carry_refused(struct carry *carry, const struct carry_item *part)
{
        char from[FOLDER_SIZE], to[FOLDER_SIZE], name[CARRY_NAME_SIZE];
        int r;

        make_name(CARRY_REFUSED, &part->device, &part->bundle, part->part,
                  part->name + strlen(part->name) - HASH_DIGITS, name);
        r = path_of(carry, part->name, from);
        if (r >= 0)
                r = path_of(carry, name, to);
        if (r < 0)
                return r;
        return rename(from, to) == 0 ? 0 : FAIL(PANNIER_E_STORAGE, "%s: %s", from, strerror(errno));
}

/* ---- back ---- */

static int compare_ages(const void *a, const void *b)
{
        const struct carry_item *x = a, *y = b;

        return (x->taken_ms > y->taken_ms) - (x->taken_ms < y->taken_ms);
}

static int make_room_for_receipts(struct carry *carry, size_t size)
{
        CLEANUP(items_deinit) struct items items = {0};
        int r = list(carry, CARRY_BACK, &items);

        if (r < 0)
                return r;
        if (items.count > 1)
                qsort(items.items, items.count, sizeof(*items.items), compare_ages);
        for (size_t i = 0; i < items.count && (items.count - i >= CARRY_RECEIPTS_MAX ||
                                               items.bytes + size > CARRY_RECEIPTS_BYTES_MAX);
             i++) {
                drop(carry, items.items[i].name);
                items.bytes -= items.items[i].size;
        }
        return 0;
}

int carry_answered(struct carry *carry, const struct carry_item *part, struct bytes receipts)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct wire_message read;
        char name[CARRY_NAME_SIZE], path[FOLDER_SIZE], hash[HASH_DIGITS + 1];
        int r = read_one(receipts, WIRE_KIND_BUNDLE_RECEIPTS, &arena, &read);

        if (r < 0)
                return r;
        if (!uuid_equal(&read.bundle_receipts.device, &part->device) ||
            !uuid_equal(&read.bundle_receipts.bundle, &part->bundle) ||
            read.bundle_receipts.part != part->part)
                return FAIL(PANNIER_E_MALFORMED, "the store answered to another part");
        hash_of(receipts, hash);
        make_name(CARRY_BACK, &part->device, &part->bundle, part->part, hash, name);
        r = make_room_for_receipts(carry, receipts.size);
        if (r >= 0)
                r = path_of(carry, name, path);
        if (r >= 0)
                r = file_write(path, receipts, 0600);
        if (r >= 0)
                drop(carry, part->name);
        return r;
}

int carry_read(struct carry *carry, const char *name, struct buffer *out)
{
        struct carry_item item;
        enum carry_kind kind;
        char path[FOLDER_SIZE];
        int r;

        if (!read_name(name, &kind, &item) || kind != CARRY_BACK)
                return FAIL(PANNIER_E_NOT_FOUND, "no receipts of this name are carried here");
        r = path_of(carry, name, path);
        return r < 0 ? r : file_read(path, (size_t)2 * WIRE_BUNDLE_RECEIPTS_MAX, out);
}

static void tidy_kind(struct carry *carry, enum carry_kind kind, int64_t before_ms)
{
        CLEANUP(items_deinit) struct items items = {0};

        if (list(carry, kind, &items) < 0)
                error_clear();
        for (size_t i = 0; i < items.count; i++)
                if (items.items[i].taken_ms < before_ms)
                        drop(carry, items.items[i].name);
}

void carry_tidy(struct carry *carry, int64_t now_ms)
{
        const int64_t before_ms = now_ms - (int64_t)CARRY_KEPT_DAYS * DAY_MS;

        tidy_kind(carry, CARRY_BACK, before_ms);
        tidy_kind(carry, CARRY_REFUSED, before_ms);
}
