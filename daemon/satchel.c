#include "daemon/satchel_internal.h"

#include "common/error.h"
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Head of a file: magic, nonce, and under the caseload key: the file's key,
 * hash, size. */
static const char magic[8] = "PANSAT1";

enum {
        SEALED_CHUNK_SIZE = ATTACHMENT_CHUNK_SIZE + AEAD_TAG_SIZE,
        ROOM_ASKED = 1 << 20, /* bytes for which room is asked for at a time */
};

struct satchel_writer {
        struct satchel *satchel;
        enum satchel_place place;
        struct uuid id;
        int fd;
        uint8_t key[AEAD_KEY_SIZE];
        struct crypto_hash *hash;
        struct buffer chunk, sealed;
        uint64_t size;
        uint32_t count;  /* chunks that are written */
        uint64_t disk;   /* bytes of the file */
        char suffix[24]; /* of its name now: ".N.part", then ".new", then none */
};

/* ---- names ---- */

void satchel_path(const struct satchel *satchel, enum satchel_place place, const struct uuid *id,
                  const char *suffix, char ret[SATCHEL_PATH_SIZE])
{
        char text[UUID_TEXT_SIZE];

        uuid_format(id, text);
        (void)snprintf(ret, SATCHEL_PATH_SIZE, "%s/%s%s", satchel->folders[place], text, suffix);
}

int satchel_fail(const char *what)
{
        return FAIL(PANNIER_E_STORAGE, "%s an attachment: %s", what, strerror(errno));
}

void satchel_closep(const int *fd)
{
        if (*fd >= 0)
                (void)close(*fd);
}

int satchel_write_at(int fd, struct bytes bytes, off_t place)
{
        while (bytes.size > 0) {
                ssize_t done = pwrite(fd, bytes.data, bytes.size, place);

                if (done < 0 && errno == EINTR)
                        continue;
                if (done < 0)
                        return satchel_fail("writing");
                bytes = BYTES(bytes.data + done, bytes.size - (size_t)done);
                place += done;
        }
        return 0;
}

/* ---- sealing ---- */

static struct bytes seal_context(const struct uuid *device, const struct uuid *id, uint8_t ret[32])
{
        memcpy(ret, device->bytes, sizeof(device->bytes));
        memcpy(ret + sizeof(device->bytes), id->bytes, sizeof(id->bytes));
        return BYTES(ret, 32);
}

static void put_number(uint64_t number, uint8_t *ret, size_t size)
{
        for (size_t i = 0; i < size; i++)
                ret[i] = (uint8_t)(number >> (8 * (size - 1 - i)));
}

/* A file has a key of its own, so that a chunk's number is nonce enough. */
static void chunk_context(const struct uuid *id, uint32_t chunk, bool last,
                          uint8_t nonce[AEAD_NONCE_SIZE], uint8_t ret[21])
{
        memset(nonce, 0, AEAD_NONCE_SIZE);
        put_number(chunk, nonce + 8, 4);
        memcpy(ret, id->bytes, sizeof(id->bytes));
        put_number(chunk, ret + 16, 4);
        ret[20] = last;
}

static int put_head(struct satchel_writer *writer, const struct attachment *attachment)
{
        CLEANUP(buffer_wipe) struct buffer head = BUFFER_INIT;
        struct satchel *satchel = writer->satchel;
        uint8_t nonce[AEAD_NONCE_SIZE], facts[SATCHEL_FACTS_SIZE], context[32];
        int r;

        satchel->options.random(nonce, sizeof(nonce));
        memcpy(facts, writer->key, AEAD_KEY_SIZE);
        memcpy(facts + AEAD_KEY_SIZE, attachment->hash, HASH_SIZE);
        put_number(attachment->size, facts + AEAD_KEY_SIZE + HASH_SIZE, 8);
        buffer_append(&head, BYTES(magic, sizeof(magic)));
        buffer_append(&head, BYTES(nonce, sizeof(nonce)));
        r = crypto_aead_seal(satchel->caseload_key, nonce,
                             seal_context(&satchel->options.device, &writer->id, context),
                             BYTES(facts, sizeof(facts)), &head);
        crypto_wipe(facts, sizeof(facts));
        r = r < 0 ? r : buffer_check(&head);
        return r < 0 ? r : satchel_write_at(writer->fd, buffer_view(&head), 0);
}

/* ---- writing ---- */

static int room(const struct satchel *satchel, enum satchel_place place, uint64_t size)
{
        struct statvfs disk;

        if (place == SATCHEL_OUT && satchel->bytes[place] + size > SATCHEL_OUT_MAX)
                return FAIL(PANNIER_E_STORAGE,
                            "%d MiB of attachments wait for the store: no more are taken until it "
                            "has some of them",
                            SATCHEL_OUT_MAX >> 20);
        if (statvfs(satchel->folders[place], &disk) == 0 &&
            (uint64_t)disk.f_bavail * disk.f_frsize < satchel->options.reserve_bytes + size)
                return FAIL(PANNIER_E_STORAGE,
                            "the disk is almost full: its last %llu MiB are kept for what is "
                            "written about people, and no attachment is taken",
                            (unsigned long long)(satchel->options.reserve_bytes >> 20));
        return 0;
}

static int writer_new(struct satchel *satchel, enum satchel_place place, const struct uuid *id,
                      struct satchel_writer **ret)
{
        CLEANUP(satchel_writer_freep)
        struct satchel_writer *writer = calloc(1, sizeof(*writer));
        char path[SATCHEL_PATH_SIZE];
        int r;

        if (!writer)
                return FAIL(PANNIER_E_MEMORY, "no memory for an attachment");
        *writer = (struct satchel_writer){.satchel = satchel, .place = place, .id = *id, .fd = -1};
        r = crypto_hash_new(&writer->hash);
        if (r < 0)
                return r;
        satchel->options.random(writer->key, sizeof(writer->key));
        (void)snprintf(writer->suffix, sizeof(writer->suffix), ".%u.part", ++satchel->serial);
        satchel_path(satchel, place, id, writer->suffix, path);
        writer->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (writer->fd < 0)
                return satchel_fail("making");
        *ret = TAKE(writer);
        return 0;
}

int satchel_begin(struct satchel *satchel, enum satchel_place place, const struct uuid *id,
                  struct satchel_writer **ret)
{
        int r = room(satchel, place, ROOM_ASKED);

        return r < 0 ? r : writer_new(satchel, place, id, ret);
}

static int put_chunk(struct satchel_writer *writer, bool last)
{
        uint8_t nonce[AEAD_NONCE_SIZE], context[21];
        off_t place = SATCHEL_HEAD_SIZE + (off_t)writer->count * SEALED_CHUNK_SIZE;
        int r;

        chunk_context(&writer->id, writer->count, last, nonce, context);
        buffer_reset(&writer->sealed);
        r = crypto_aead_seal(writer->key, nonce, BYTES(context, sizeof(context)),
                             buffer_view(&writer->chunk), &writer->sealed);
        r = r < 0 ? r : buffer_check(&writer->sealed);
        r = r < 0 ? r : satchel_write_at(writer->fd, buffer_view(&writer->sealed), place);
        if (r < 0)
                return r;
        writer->count++;
        writer->disk = (uint64_t)place + writer->sealed.size;
        buffer_reset(&writer->chunk);
        return 0;
}

int satchel_add(struct satchel_writer *writer, struct bytes piece)
{
        if (piece.size > ATTACHMENT_SIZE_MAX - writer->size)
                return FAIL(PANNIER_E_LIMIT, "an attachment has at most %d MiB",
                            ATTACHMENT_SIZE_MAX >> 20);
        crypto_hash_add(writer->hash, piece);
        writer->size += piece.size;
        while (piece.size > 0) {
                size_t left = ATTACHMENT_CHUNK_SIZE - writer->chunk.size, size;
                int r = 0;

                if (left == 0) { /* more comes, so it is not the last one */
                        r = room(writer->satchel, writer->place, ROOM_ASKED);
                        r = r < 0 ? r : put_chunk(writer, false);
                        if (r < 0)
                                return r;
                        continue;
                }
                size = piece.size < left ? piece.size : left;
                buffer_append(&writer->chunk, BYTES(piece.data, size));
                if (buffer_check(&writer->chunk) < 0)
                        return buffer_check(&writer->chunk);
                piece = BYTES(piece.data + size, piece.size - size);
        }
        return 0;
}

void satchel_forget_size(struct satchel *satchel, enum satchel_place place, const char *path)
{
        struct stat status;

        if (lstat(path, &status) == 0)
                satchel->bytes[place] -= (uint64_t)status.st_size;
}

/* The next name of a file that is being written; durable. */
static int move_on(struct satchel_writer *writer, const char *suffix)
{
        struct satchel *satchel = writer->satchel;
        char from[SATCHEL_PATH_SIZE], to[SATCHEL_PATH_SIZE];

        satchel_path(satchel, writer->place, &writer->id, writer->suffix, from);
        satchel_path(satchel, writer->place, &writer->id, suffix, to);
        if (!*suffix)
                satchel_forget_size(satchel, writer->place, to);
        if (rename(from, to) < 0)
                return satchel_fail("renaming");
        (void)snprintf(writer->suffix, sizeof(writer->suffix), "%s", suffix);
        return file_sync_folder(satchel->folders[writer->place]);
}

int satchel_end(struct satchel_writer *writer, struct attachment *ret)
{
        static const uint8_t zeros[SATCHEL_HEAD_SIZE];
        int r;

        if (writer->size == 0)
                return FAIL(PANNIER_E_INVALID, "the attachment is empty");
        *ret = (struct attachment){.size = writer->size};
        r = put_chunk(writer, true);
        if (r < 0)
                return r;
        crypto_hash_finish(writer->hash, ret->hash);
        r = writer->place == SATCHEL_OUT
                    ? put_head(writer, ret)
                    : satchel_write_at(writer->fd, BYTES(zeros, sizeof(zeros)), 0);
        if (r >= 0 && fsync(writer->fd) < 0)
                r = satchel_fail("flushing");
        return r < 0 ? r : move_on(writer, ".new");
}

int satchel_publish(struct satchel_writer *writer)
{
        int r = move_on(writer, "");

        if (r >= 0)
                writer->satchel->bytes[writer->place] += writer->disk;
        return r;
}

const uint8_t *satchel_writer_key(const struct satchel_writer *writer)
{
        return writer->key;
}

struct satchel_writer *satchel_writer_free(struct satchel_writer *writer)
{
        char path[SATCHEL_PATH_SIZE];

        if (!writer)
                return NULL;
        if (writer->fd >= 0) {
                (void)close(writer->fd);
                satchel_path(writer->satchel, writer->place, &writer->id, writer->suffix, path);
                if (*writer->suffix)
                        (void)unlink(path);
        }
        (void)crypto_hash_free(writer->hash);
        buffer_wipe(&writer->chunk);
        buffer_deinit(&writer->sealed);
        crypto_wipe(writer->key, sizeof(writer->key));
        free(writer);
        return NULL;
}

/* ---- what is there ---- */

int satchel_open_file(const struct satchel *satchel, enum satchel_place place,
                      const struct uuid *id, const char *suffix, int flags, int *ret)
{
        char path[SATCHEL_PATH_SIZE];

        satchel_path(satchel, place, id, suffix, path);
        *ret = open(path, flags | O_CLOEXEC | O_NOFOLLOW);
        if (*ret >= 0)
                return 0;
        return errno == ENOENT ? FAIL(PANNIER_E_NOT_FOUND, "there is no such attachment here")
                               : satchel_fail("opening");
}

int satchel_head(struct satchel *satchel, const struct uuid *id, const char *suffix,
                 struct attachment *ret, uint8_t ret_key[AEAD_KEY_SIZE])
{
        static const uint8_t settled[SATCHEL_HEAD_SIZE];
        CLEANUP(buffer_wipe) struct buffer facts = BUFFER_INIT;
        CLEANUP(satchel_closep) int fd = -1;
        uint8_t head[SATCHEL_HEAD_SIZE], context[32];
        const uint8_t *nonce = head + sizeof(magic), *sealed = nonce + AEAD_NONCE_SIZE;
        int r = satchel_open_file(satchel, SATCHEL_OUT, id, suffix, O_RDONLY, &fd);

        if (r == PANNIER_E_NOT_FOUND) {
                error_clear();
                return 0;
        }
        if (r < 0)
                return r;
        if (pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
                return FAIL(PANNIER_E_CORRUPT, "an attachment has lost its head");
        if (memcmp(head, settled, sizeof(head)) == 0)
                return 0;
        r = crypto_aead_open(satchel->caseload_key, nonce,
                             seal_context(&satchel->options.device, id, context),
                             BYTES(sealed, SATCHEL_FACTS_SIZE + AEAD_TAG_SIZE), &facts);
        if (r < 0 || memcmp(head, magic, sizeof(magic)) != 0 || facts.size != SATCHEL_FACTS_SIZE)
                return FAIL(PANNIER_E_CORRUPT, "an attachment's head is damaged");
        if (ret_key)
                memcpy(ret_key, facts.data, AEAD_KEY_SIZE);
        *ret = (struct attachment){0};
        memcpy(ret->hash, facts.data + AEAD_KEY_SIZE, HASH_SIZE);
        for (size_t i = 0; i < 8; i++)
                ret->size = ret->size << 8 | facts.data[AEAD_KEY_SIZE + HASH_SIZE + i];
        return 1;
}

int satchel_out(struct satchel *satchel, const struct uuid *id, struct attachment *ret,
                uint8_t ret_key[AEAD_KEY_SIZE])
{
        return satchel_head(satchel, id, "", ret, ret_key);
}

int satchel_read(struct satchel *satchel, enum satchel_place place, const struct uuid *id,
                 const uint8_t key[AEAD_KEY_SIZE], uint64_t size, uint32_t chunk,
                 struct buffer *out)
{
        CLEANUP(buffer_deinit) struct buffer sealed = BUFFER_INIT;
        CLEANUP(satchel_closep) int fd = -1;
        size_t wanted = attachment_chunk_size(size, chunk) + AEAD_TAG_SIZE;
        off_t at = SATCHEL_HEAD_SIZE + (off_t)chunk * SEALED_CHUNK_SIZE;
        uint8_t nonce[AEAD_NONCE_SIZE], context[21];
        uint8_t *to;
        int r = satchel_open_file(satchel, place, id, "", O_RDONLY, &fd);

        if (r < 0)
                return r;
        to = buffer_reserve(&sealed, wanted);
        if (!to)
                return buffer_check(&sealed);
        if (pread(fd, to, wanted, at) != (ssize_t)wanted)
                return FAIL(PANNIER_E_CORRUPT, "an attachment has lost its end");
        chunk_context(id, chunk, chunk + 1 == attachment_chunk_count(size), nonce, context);
        r = crypto_aead_open(key, nonce, BYTES(context, sizeof(context)), BYTES(to, wanted), out);
        return r == PANNIER_E_CRYPTO
                       ? FAIL(PANNIER_E_CORRUPT, "an attachment is damaged on this device's disk")
                       : r;
}
