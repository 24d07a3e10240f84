#include "store/journal_file.h"

#include "common/crypto.h"
#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t magic[8] = {'P', 'A', 'N', 'N', 'I', 'E', 'R', 'J'};

enum { HEADER_SIZE = 8 + 8 + HASH_SIZE, SIZE_SIZE = 4 };

int journal_failed(const char *what)
{
        return FAIL(PANNIER_E_STORAGE, "the journal cannot be %s: %s", what, strerror(errno));
}

/* ---- bytes ---- */

static void put_big(uint8_t *at, uint64_t value, size_t size)
{
        for (size_t i = 0; i < size; i++)
                at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static uint64_t get_big(const uint8_t *at, size_t size)
{
        uint64_t value = 0;

        for (size_t i = 0; i < size; i++)
                value = value << 8 | at[i];
        return value;
}

static void chain(const uint8_t before[HASH_SIZE], struct bytes payload, uint8_t ret[HASH_SIZE])
{
        const struct bytes parts[] = {BYTES(before, HASH_SIZE), payload};

        crypto_sha256_parts(parts, 2, ret);
}

static int read_at(int fd, off_t at, void *data, size_t size, size_t *ret)
{
        size_t done = 0;

        while (done < size) {
                ssize_t n = pread(fd, (uint8_t *)data + done, size - done, at + (off_t)done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return journal_failed("read");
                if (n == 0)
                        break;
                done += (size_t)n;
        }
        *ret = done;
        return 0;
}

static int write_at(int fd, off_t at, struct bytes data)
{
        size_t done = 0;

        while (done < data.size) {
                ssize_t n = pwrite(fd, data.data + done, data.size - done, at + (off_t)done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return journal_failed("written");
                done += (size_t)n;
        }
        return 0;
}

/* ---- the file, record by record ---- */

/* Return: 1, 0 the file is empty, or an error */
int journal_walk_begin(struct journal_walk *walk, int fd)
{
        uint8_t header[HEADER_SIZE];
        size_t size;
        int r;

        *walk = (struct journal_walk){.fd = fd, .at = HEADER_SIZE};
        r = read_at(fd, 0, header, sizeof(header), &size);
        if (r < 0 || size == 0)
                return r;
        if (size < sizeof(header) || memcmp(header, magic, sizeof(magic)) != 0)
                return FAIL(PANNIER_E_CORRUPT, "the file is not a journal");
        walk->number = get_big(header + 8, 8);
        memcpy(walk->hash, header + 16, HASH_SIZE);
        return 1;
}

/* Return: 1 a record was read; 0 the file ends here, also where the last record is torn; or an error */
int journal_walk_next(struct journal_walk *walk)
{
        uint8_t size_bytes[SIZE_SIZE], kept[HASH_SIZE], made[HASH_SIZE];
        size_t size, got;
        int r = read_at(walk->fd, walk->at, size_bytes, SIZE_SIZE, &got);

        if (r < 0 || got < SIZE_SIZE)
                return r;
        size = (size_t)get_big(size_bytes, SIZE_SIZE);
        if (size > JOURNAL_RECORD_MAX)
                return 0;
        buffer_reset(&walk->payload);
        for (size_t i = 0; i < size && !walk->payload.failed;) {
                uint8_t part[4096];
                size_t want = size - i < sizeof(part) ? size - i : sizeof(part);

                r = read_at(walk->fd, walk->at + SIZE_SIZE + (off_t)i, part, want, &got);
                if (r < 0 || got < want)
                        return r;
                buffer_append(&walk->payload, BYTES(part, want));
                i += want;
        }
        if (buffer_check(&walk->payload) < 0)
                return buffer_check(&walk->payload);
        r = read_at(walk->fd, walk->at + SIZE_SIZE + (off_t)size, kept, HASH_SIZE, &got);
        if (r < 0 || got < HASH_SIZE)
                return r;
        chain(walk->hash, buffer_view(&walk->payload), made);
        if (memcmp(made, kept, HASH_SIZE) != 0)
                return 0;
        memcpy(walk->hash, made, HASH_SIZE);
        walk->number++;
        walk->at += SIZE_SIZE + (off_t)size + HASH_SIZE;
        return 1;
}

/* To the place where the database is. Return: 1 found, 0 the file begins behind it, ends before it, or is of another, or an error */
int journal_walk_to(struct journal_walk *walk, uint64_t number, const uint8_t hash[HASH_SIZE])
{
        int r = 1;

        while (r > 0 && walk->number < number)
                r = journal_walk_next(walk);
        if (r < 0)
                return r;
        return r > 0 && walk->number == number && memcmp(walk->hash, hash, HASH_SIZE) == 0;
}

/* What is there is of another time: it is put aside, because an older backup may want it. */
static int put_aside(int *fd, const char *path)
{
        CLEANUP(buffer_deinit) struct buffer name = BUFFER_INIT;
        struct stat status;

        if (fstat(*fd, &status) < 0)
                return journal_failed("looked at");
        if (status.st_size == 0)
                return 0;
        buffer_append_text(&name, path);
        buffer_append_format(&name, ".until-%lld", (long long)status.st_mtime);
        buffer_append_byte(&name, 0);
        if (buffer_check(&name) < 0)
                return buffer_check(&name);
        if (rename(path, (const char *)name.data) < 0)
                return journal_failed("put aside");
        (void)close(*fd);
        *fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        return *fd < 0 ? journal_failed("made") : 0;
}

int journal_begin_anew(int *fd, const char *path, uint64_t number, const uint8_t hash[HASH_SIZE])
{
        uint8_t header[HEADER_SIZE];
        int r = put_aside(fd, path);

        if (r < 0)
                return r;
        memcpy(header, magic, sizeof(magic));
        put_big(header + 8, number, 8);
        memcpy(header + 16, hash, HASH_SIZE);
        r = write_at(*fd, 0, BYTES(header, sizeof(header)));
        return r == 0 && fsync(*fd) < 0 ? journal_failed("flushed") : r;
}

/* One more record, behind the place that was found. */
int journal_append(int fd, struct journal_walk *walk, struct bytes payload)
{
        CLEANUP(buffer_deinit) struct buffer record = BUFFER_INIT;
        uint8_t size[SIZE_SIZE];
        int r;

        put_big(size, payload.size, SIZE_SIZE);
        chain(walk->hash, payload, walk->hash);
        buffer_append(&record, BYTES(size, SIZE_SIZE));
        buffer_append(&record, payload);
        buffer_append(&record, BYTES(walk->hash, HASH_SIZE));
        r = buffer_check(&record);
        if (r == 0 && ftruncate(fd, walk->at) < 0)
                r = journal_failed("cut");
        if (r == 0)
                r = write_at(fd, walk->at, buffer_view(&record));
        if (r == 0 && fdatasync(fd) < 0)
                r = journal_failed("flushed");
        walk->at += (off_t)record.size;
        walk->number++;
        return r;
}
