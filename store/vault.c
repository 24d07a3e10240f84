/*
 * A whole attachment is written beside its place and renamed: a crash leaves it there or not. A part only grows; what a crash tore
 * off its end has no good hash and is cut off when somebody asks how far it is. Damaged chunks of a whole one are
 * replaced in their place: they are worth nothing, and its table of hashes knows what has to stand there.
 */
#include "store/vault_internal.h"

#include "common/error.h"
#include "common/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char magic[8] = "PANVLT1";

/* ---- names ---- */

static void whole_path(const struct vault *vault, const struct uuid *record,
                       const struct attachment *attachment, char ret[VAULT_PATH_MAX])
{
        char hash[2 * HASH_SIZE + 1], id[UUID_TEXT_SIZE];

        bytes_hex(BYTES(attachment->hash, HASH_SIZE), hash);
        uuid_format(record, id);
        (void)snprintf(ret, VAULT_PATH_MAX, "%s/%.2s/%s.%s", vault->folder, hash, hash, id);
}

static void id_path(const struct vault *vault, const char *folder, const struct uuid *id,
                    char ret[VAULT_PATH_MAX])
{
        char text[UUID_TEXT_SIZE];

        uuid_format(id, text);
        (void)snprintf(ret, VAULT_PATH_MAX, "%s/%s/%s", vault->folder, folder, text);
}

/* ---- whole ones ---- */

static size_t table_size(uint64_t size)
{
        return (size_t)attachment_chunk_count(size) * HASH_SIZE + sizeof(magic) + HASH_SIZE;
}

/* Hashes of the chunks, the magic, and a hash over both and the size: the end of the file. */
static void put_table(const struct attachment *attachment, struct buffer *table)
{
        uint8_t size[8], hash[HASH_SIZE];

        for (size_t i = 0; i < sizeof(size); i++)
                size[i] = (uint8_t)(attachment->size >> (8 * (7 - i)));
        buffer_append(table, BYTES(magic, sizeof(magic)));
        crypto_sha256_parts((struct bytes[]){buffer_view(table), BYTES(size, sizeof(size))}, 2,
                            hash);
        buffer_append(table, BYTES(hash, HASH_SIZE));
}

/* 1 open with its table; 0 not there; PANNIER_E_CORRUPT the table itself is damaged: nothing tells what is good */
static int open_whole(const struct vault *vault, const struct uuid *record,
                      const struct attachment *attachment, int flags, struct vault_whole *ret)
{
        size_t size = table_size(attachment->size), hashes = size - HASH_SIZE - sizeof(magic);
        CLEANUP(buffer_deinit) struct buffer again = BUFFER_INIT;
        uint8_t *table = buffer_reserve(&ret->table, size);
        char path[VAULT_PATH_MAX];
        struct stat status;

        if (!table)
                return buffer_check(&ret->table);
        whole_path(vault, record, attachment, path);
        ret->fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW);
        if (ret->fd < 0)
                return errno == ENOENT ? 0 : vault_fail("opening", path);
        if (fstat(ret->fd, &status) < 0)
                return vault_fail("reading", path);
        if ((uint64_t)status.st_size != attachment->size + size ||
            pread(ret->fd, table, size, (off_t)attachment->size) != (ssize_t)size)
                return FAIL(PANNIER_E_CORRUPT, "an attachment has lost its end");
        ret->table.size = size;
        buffer_append(&again, BYTES(table, hashes));
        put_table(attachment, &again);
        if (buffer_check(&again) < 0)
                return buffer_check(&again);
        return bytes_equal(buffer_view(&again), buffer_view(&ret->table))
                       ? 1
                       : FAIL(PANNIER_E_CORRUPT, "an attachment's table is damaged");
}

void vault_whole_close(struct vault_whole *whole)
{
        if (whole->fd >= 0)
                (void)close(whole->fd);
        buffer_deinit(&whole->table);
}

/* 1 good, and appended to @out; 0 damaged */
static int read_chunk(const struct vault_whole *whole, const struct attachment *attachment,
                      uint32_t chunk, struct buffer *out)
{
        size_t size = attachment_chunk_size(attachment->size, chunk);
        uint8_t hash[HASH_SIZE];
        uint8_t *to = buffer_reserve(out, size);

        if (!to)
                return buffer_check(out);
        if (pread(whole->fd, to, size, (off_t)chunk * ATTACHMENT_CHUNK_SIZE) != (ssize_t)size)
                return 0;
        crypto_sha256(BYTES(to, size), hash);
        if (memcmp(hash, whole->table.data + (size_t)chunk * HASH_SIZE, HASH_SIZE) != 0)
                return 0;
        out->size += size;
        return 1;
}

/* The first chunk of a whole one that is damaged; their count: none is. */
static int first_damaged(const struct vault_whole *whole, const struct attachment *attachment,
                         uint32_t *ret)
{
        CLEANUP(buffer_deinit) struct buffer chunk = BUFFER_INIT;
        uint32_t count = attachment_chunk_count(attachment->size);

        for (*ret = 0; *ret < count; (*ret)++) {
                int r;

                buffer_reset(&chunk);
                r = read_chunk(whole, attachment, *ret, &chunk);
                if (r <= 0)
                        return r;
        }
        return 0;
}

static int want(const struct vault *vault, const struct uuid *record)
{
        char path[VAULT_PATH_MAX];

        id_path(vault, "wanted", record, path);
        return file_write(path, BYTES_NONE, 0600);
}

static void forget_wanted(const struct vault *vault, const struct uuid *record)
{
        char path[VAULT_PATH_MAX];

        id_path(vault, "wanted", record, path);
        (void)unlink(path); /* where it stays, it is asked for once more in vain */
}

int vault_get(struct vault *vault, const struct uuid *record, const struct attachment *attachment,
              uint32_t chunk, struct buffer *out)
{
        CLEANUP(vault_whole_close) struct vault_whole whole = VAULT_WHOLE_INIT;
        int r;

        if (chunk >= attachment_chunk_count(attachment->size))
                return FAIL(PANNIER_E_NOT_FOUND, "there is no such chunk");
        r = open_whole(vault, record, attachment, O_RDONLY, &whole);
        if (r == 0)
                return FAIL(PANNIER_E_NOT_FOUND, "the bytes are not here");
        r = r < 0 ? r : read_chunk(&whole, attachment, chunk, out);
        if (r != 0 && r != PANNIER_E_CORRUPT)
                return r < 0 ? r : 0;
        r = want(vault, record);
        return r < 0 ? r : FAIL(PANNIER_E_CORRUPT, "an attachment is damaged");
}

int vault_check(struct vault *vault, const struct uuid *record, const struct attachment *attachment)
{
        CLEANUP(vault_whole_close) struct vault_whole whole = VAULT_WHOLE_INIT;
        uint32_t damaged = 0;
        int outcome, r = open_whole(vault, record, attachment, O_RDONLY, &whole);

        if (r > 0)
                r = first_damaged(&whole, attachment, &damaged) < 0 ? PANNIER_E_STORAGE : 1;
        if (r < 0 && r != PANNIER_E_CORRUPT)
                return r;
        if (r > 0 && damaged == attachment_chunk_count(attachment->size))
                return 0;
        outcome = r == 0 ? 1 : 2;
        error_clear();
        r = want(vault, record);
        return r < 0 ? r : outcome;
}

/* A damaged chunk of a whole one, in its place. */
static int mend(struct vault *vault, const struct vault_claim *claim, struct vault_whole *whole,
                uint32_t chunk, struct bytes bytes)
{
        uint32_t damaged;
        int r;

        if (pwrite(whole->fd, bytes.data, bytes.size, (off_t)chunk * ATTACHMENT_CHUNK_SIZE) !=
                    (ssize_t)bytes.size ||
            fsync(whole->fd) < 0)
                return FAIL(PANNIER_E_STORAGE, "mending an attachment: %s", strerror(errno));
        r = first_damaged(whole, &claim->attachment, &damaged);
        if (r == 0 && damaged == attachment_chunk_count(claim->attachment.size))
                forget_wanted(vault, &claim->record);
        return r;
}

/* ---- parts ---- */

static size_t part_place(uint32_t chunk)
{
        return (size_t)chunk * (HASH_SIZE + ATTACHMENT_CHUNK_SIZE);
}

/* Reads a part's next chunk into @chunk: 1 good, 0 there is none that is */
static int part_read(int fd, const struct attachment *attachment, uint32_t number,
                     struct buffer *chunk, uint8_t ret_hash[HASH_SIZE])
{
        size_t size = attachment_chunk_size(attachment->size, number);
        uint8_t hash[HASH_SIZE];
        uint8_t *to;

        buffer_reset(chunk);
        to = buffer_reserve(chunk, size);
        if (!to)
                return buffer_check(chunk);
        if (pread(fd, ret_hash, HASH_SIZE, (off_t)part_place(number)) != HASH_SIZE ||
            pread(fd, to, size, (off_t)part_place(number) + HASH_SIZE) != (ssize_t)size)
                return 0;
        chunk->size = size;
        crypto_sha256(buffer_view(chunk), hash);
        return memcmp(hash, ret_hash, HASH_SIZE) == 0;
}

/* How many good chunks a part begins with; what is behind them is cut off. */
static int part_count(struct vault *vault, int fd, const struct attachment *attachment,
                      uint32_t *ret)
{
        CLEANUP(buffer_deinit) struct buffer chunk = BUFFER_INIT;
        uint32_t count = attachment_chunk_count(attachment->size);
        uint8_t hash[HASH_SIZE];
        struct stat status;
        off_t end;
        int r = 1;

        for (*ret = 0; *ret < count && r > 0; *ret += r > 0)
                r = part_read(fd, attachment, *ret, &chunk, hash);
        if (r < 0)
                return r;
        end = *ret == count ? (off_t)attachment->size + (off_t)count * HASH_SIZE
                            : (off_t)part_place(*ret);
        if (fstat(fd, &status) == 0 && status.st_size > end) {
                if (ftruncate(fd, end) < 0)
                        return FAIL(PANNIER_E_STORAGE, "cutting a part: %s", strerror(errno));
                vault->used -= (uint64_t)(status.st_size - end);
        }
        return 0;
}

static void part_drop(struct vault *vault, const struct uuid *entry)
{
        char path[VAULT_PATH_MAX];
        struct stat status;

        id_path(vault, "parts", entry, path);
        if (stat(path, &status) < 0 || unlink(path) < 0)
                return;
        vault->used -= (uint64_t)status.st_size;
        vault->parts--;
}

/* ---- from a part to a whole ---- */

static int copy_part(int from, int to, const struct attachment *attachment,
                     uint8_t ret_hash[HASH_SIZE])
{
        CLEANUP(crypto_hash_freep) struct crypto_hash *hash = NULL;
        CLEANUP(buffer_deinit) struct buffer chunk = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer table = BUFFER_INIT;
        uint32_t count = attachment_chunk_count(attachment->size);
        int r = crypto_hash_new(&hash);

        for (uint32_t i = 0; i < count && r >= 0; i++) {
                uint8_t chunk_hash[HASH_SIZE];

                r = part_read(from, attachment, i, &chunk, chunk_hash);
                if (r == 0)
                        r = FAIL(PANNIER_E_CORRUPT, "a part is damaged");
                crypto_hash_add(hash, buffer_view(&chunk));
                buffer_append(&table, BYTES(chunk_hash, HASH_SIZE));
                if (r >= 0)
                        r = vault_write(to, buffer_view(&chunk));
        }
        if (r < 0)
                return r;
        crypto_hash_finish(hash, ret_hash);
        put_table(attachment, &table);
        r = buffer_check(&table);
        r = r < 0 ? r : vault_write(to, buffer_view(&table));
        if (r >= 0 && fsync(to) < 0)
                r = FAIL(PANNIER_E_STORAGE, "flushing an attachment: %s", strerror(errno));
        return r;
}

static int publish(struct vault *vault, const struct vault_claim *claim, const char *beside)
{
        char path[VAULT_PATH_MAX], folder[VAULT_PATH_MAX];

        whole_path(vault, &claim->record, &claim->attachment, path);
        (void)snprintf(folder, sizeof(folder), "%s/%02x", vault->folder, claim->attachment.hash[0]);
        if (file_make_folder(folder, 0700) < 0)
                return PANNIER_E_STORAGE;
        if (rename(beside, path) < 0)
                return vault_fail("renaming to", path);
        return file_sync_folder(folder);
}

static int make_whole(struct vault *vault, const struct vault_claim *claim, int part)
{
        CLEANUP(vault_closep) int fd = -1;
        char beside[VAULT_PATH_MAX];
        uint8_t hash[HASH_SIZE];
        int r;

        id_path(vault, "parts", &claim->entry, beside);
        (void)snprintf(beside + strlen(beside), 8, ".new");
        fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return vault_fail("making", beside);
        r = copy_part(part, fd, &claim->attachment, hash);
        if (r >= 0 && memcmp(hash, claim->attachment.hash, HASH_SIZE) != 0)
                r = VAULT_OTHER;
        if (r == 0)
                r = publish(vault, claim, beside);
        if (r != 0)
                (void)unlink(beside);
        if (r < 0)
                return r;
        part_drop(vault, &claim->entry);
        if (r == 0) {
                vault->used += claim->attachment.size + table_size(claim->attachment.size);
                forget_wanted(vault, &claim->record);
        }
        return r;
}

int vault_next(struct vault *vault, const struct vault_claim *claim, uint32_t *ret)
{
        CLEANUP(vault_whole_close) struct vault_whole whole = VAULT_WHOLE_INIT;
        CLEANUP(vault_closep) int fd = -1;
        char path[VAULT_PATH_MAX];
        int r = open_whole(vault, &claim->record, &claim->attachment, O_RDONLY, &whole);

        if (r > 0)
                return first_damaged(&whole, &claim->attachment, ret);
        if (r < 0 && r != PANNIER_E_CORRUPT)
                return r;
        error_clear();
        *ret = 0;
        id_path(vault, "parts", &claim->entry, path);
        fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return errno == ENOENT ? 0 : vault_fail("opening", path);
        r = part_count(vault, fd, &claim->attachment, ret);
        if (r < 0 || *ret < attachment_chunk_count(claim->attachment.size))
                return r;
        r = make_whole(vault, claim, fd); /* a crash came in between */
        *ret = r == VAULT_OTHER ? 0 : *ret;
        return r < 0 ? r : 0;
}

/* ---- taking chunks ---- */

static int room(struct vault *vault, uint64_t size, bool begins)
{
        struct statvfs disk;

        if (vault->used + size > vault->limits.total_max)
                return FAIL(PANNIER_E_LIMIT, "attachments have no more room here");
        if (begins && vault->parts >= VAULT_PARTS_MAX)
                return FAIL(PANNIER_E_LIMIT, "too many attachments have begun and are not whole");
        if (statvfs(vault->folder, &disk) == 0 &&
            (uint64_t)disk.f_bavail * disk.f_frsize < vault->limits.reserve_min + size)
                return FAIL(PANNIER_E_LIMIT, "the disk has no more room for attachments");
        return 0;
}

static int append(struct vault *vault, int fd, uint32_t chunk, struct bytes bytes,
                  const uint8_t hash[HASH_SIZE])
{
        CLEANUP(buffer_deinit) struct buffer both = BUFFER_INIT;
        off_t place = (off_t)part_place(chunk);
        int r;

        buffer_append(&both, BYTES(hash, HASH_SIZE));
        buffer_append(&both, bytes);
        r = buffer_check(&both);
        if (r < 0)
                return r;
        if (lseek(fd, place, SEEK_SET) != place)
                return FAIL(PANNIER_E_STORAGE, "a part: %s", strerror(errno));
        r = vault_write(fd, buffer_view(&both));
        if (r >= 0 && fsync(fd) < 0)
                r = FAIL(PANNIER_E_STORAGE, "flushing a part: %s", strerror(errno));
        if (r >= 0)
                vault->used += both.size;
        else if (ftruncate(fd, place) < 0) /* then it is cut off when somebody asks how far it is */
                return FAIL(PANNIER_E_STORAGE, "a part: %s", strerror(errno));
        return r;
}

static int put_part(struct vault *vault, const struct vault_claim *claim, uint32_t chunk,
                    struct bytes bytes, const uint8_t hash[HASH_SIZE])
{
        CLEANUP(vault_closep) int fd = -1;
        char path[VAULT_PATH_MAX], folder[VAULT_PATH_MAX];
        struct stat status;
        int r;

        id_path(vault, "parts", &claim->entry, path);
        fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 && errno != ENOENT)
                return vault_fail("opening", path);
        if (fd >= 0 && fstat(fd, &status) < 0)
                return vault_fail("reading", path);
        if ((fd < 0 && chunk != 0) || (fd >= 0 && status.st_size != (off_t)part_place(chunk)))
                return VAULT_NOT_NEXT;
        r = room(vault, bytes.size, fd < 0);
        if (r < 0)
                return r;
        if (fd < 0) {
                fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
                (void)snprintf(folder, sizeof(folder), "%s/parts", vault->folder);
                if (fd < 0)
                        return vault_fail("making", path);
                vault->parts++;
                r = file_sync_folder(folder);
        }
        r = r < 0 ? r : append(vault, fd, chunk, bytes, hash);
        if (r < 0 || chunk + 1 < attachment_chunk_count(claim->attachment.size))
                return r;
        return make_whole(vault, claim, fd);
}

int vault_put(struct vault *vault, const struct vault_claim *claim, uint32_t chunk,
              struct bytes bytes, const uint8_t hash[HASH_SIZE], int64_t now_ms)
{
        CLEANUP(vault_whole_close) struct vault_whole whole = VAULT_WHOLE_INIT;
        uint8_t own[HASH_SIZE];
        uint32_t next;
        int r;

        if (bytes.size == 0 || bytes.size != attachment_chunk_size(claim->attachment.size, chunk))
                return FAIL(PANNIER_E_INVALID, "a chunk of the wrong size");
        crypto_sha256(bytes, own);
        if (memcmp(own, hash, HASH_SIZE) != 0)
                return FAIL(PANNIER_E_INVALID, "a chunk does not have its hash");
        vault_sweep(vault, now_ms);
        r = open_whole(vault, &claim->record, &claim->attachment, O_RDWR, &whole);
        if (r == 0 || r == PANNIER_E_CORRUPT) { /* not here, or nothing tells what of it is good */
                error_clear();
                return put_part(vault, claim, chunk, bytes, hash);
        }
        r = r < 0 ? r : first_damaged(&whole, &claim->attachment, &next);
        if (r < 0)
                return r;
        if (next != chunk)
                return VAULT_NOT_NEXT;
        if (memcmp(own, whole.table.data + (size_t)chunk * HASH_SIZE, HASH_SIZE) != 0)
                return FAIL(PANNIER_E_INVALID,
                            "these are other bytes than the ones that were here");
        return mend(vault, claim, &whole, chunk, bytes);
}
