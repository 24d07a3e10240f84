/* The satchel's folders: what lies in them, what becomes of it, and what a crash left. */
#include "daemon/satchel_internal.h"

#include "common/error.h"
#include "common/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool satchel_has(const struct satchel *satchel, enum satchel_place place, const struct uuid *id)
{
        char path[SATCHEL_PATH_SIZE];

        satchel_path(satchel, place, id, "", path);
        return access(path, F_OK) == 0;
}

static void dir_closep(DIR **dir)
{
        if (*dir)
                (void)closedir(*dir);
}

int satchel_each(struct satchel *satchel, enum satchel_place place,
                 int (*visit)(void *context, const struct satchel_file *file), void *context)
{
        CLEANUP(dir_closep) DIR *dir = opendir(satchel->folders[place]);
        struct dirent *entry;
        int r = 0;

        if (!dir)
                return satchel_fail("listing");
        while (r == 0 && (entry = readdir(dir))) {
                struct satchel_file file;
                struct stat status;

                if (strlen(entry->d_name) != UUID_TEXT_SIZE - 1 ||
                    uuid_parse(bytes_text(entry->d_name), &file.id) < 0 ||
                    fstatat(dirfd(dir), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                file.size = (uint64_t)status.st_size;
                file.written_s = status.st_mtime;
                r = visit(context, &file);
        }
        return r;
}

uint64_t satchel_bytes(const struct satchel *satchel, enum satchel_place place)
{
        return satchel->bytes[place];
}

/* ---- what becomes of it ---- */

int satchel_remove(struct satchel *satchel, enum satchel_place place, const struct uuid *id)
{
        char path[SATCHEL_PATH_SIZE];

        satchel_path(satchel, place, id, "", path);
        satchel_forget_size(satchel, place, path);
        if (unlink(path) < 0 && errno != ENOENT)
                return satchel_fail("removing");
        return file_sync_folder(satchel->folders[place]);
}

int satchel_settle(struct satchel *satchel, const struct uuid *id)
{
        static const uint8_t zeros[SATCHEL_HEAD_SIZE];
        CLEANUP(satchel_closep) int fd = -1;
        char from[SATCHEL_PATH_SIZE], to[SATCHEL_PATH_SIZE];
        struct stat status;
        int r = satchel_open_file(satchel, SATCHEL_OUT, id, "", O_WRONLY, &fd);

        r = r < 0 ? r : satchel_write_at(fd, BYTES(zeros, sizeof(zeros)), 0);
        if (r >= 0 && (fsync(fd) < 0 || fstat(fd, &status) < 0))
                r = satchel_fail("flushing");
        if (r < 0)
                return r;
        satchel_path(satchel, SATCHEL_OUT, id, "", from);
        satchel_path(satchel, SATCHEL_KEPT, id, "", to);
        satchel_forget_size(satchel, SATCHEL_KEPT, to);
        if (rename(from, to) < 0)
                return satchel_fail("renaming");
        satchel->bytes[SATCHEL_OUT] -= (uint64_t)status.st_size;
        satchel->bytes[SATCHEL_KEPT] += (uint64_t)status.st_size;
        r = file_sync_folder(satchel->folders[SATCHEL_KEPT]);
        return r < 0 ? r : file_sync_folder(satchel->folders[SATCHEL_OUT]);
}

static int take_oldest(void *context, const struct satchel_file *file)
{
        struct satchel_file *oldest = context;

        if (uuid_is_none(&oldest->id) || file->written_s < oldest->written_s)
                *oldest = *file;
        return 0;
}

int satchel_trim(struct satchel *satchel)
{
        while (satchel->bytes[SATCHEL_KEPT] > SATCHEL_KEPT_MAX) {
                struct satchel_file oldest = {0};
                int r = satchel_each(satchel, SATCHEL_KEPT, take_oldest, &oldest);

                if (r < 0 || uuid_is_none(&oldest.id))
                        return r;
                r = satchel_remove(satchel, SATCHEL_KEPT, &oldest.id);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- after a crash ---- */

static bool ends_with(const char *name, const char *suffix)
{
        size_t size = strlen(name), end = strlen(suffix);

        return size > end && strcmp(name + size - end, suffix) == 0;
}

struct recovery {
        struct satchel *satchel;
        int64_t now_ms;
        int (*named)(void *context, const struct uuid *id, const struct attachment *attachment);
        void *context;
};

static int recover_one(struct recovery *recovery, const struct uuid *id, int64_t written_s)
{
        struct satchel *satchel = recovery->satchel;
        struct attachment attachment;
        char from[SATCHEL_PATH_SIZE], to[SATCHEL_PATH_SIZE];
        struct stat status;
        int r = satchel_head(satchel, id, ".new", &attachment, NULL);

        if (r == PANNIER_E_CORRUPT) { /* it was not durable yet, so no entry names it */
                error_clear();
                r = 0;
        }
        if (r > 0)
                r = recovery->named(recovery->context, id, &attachment);
        if (r < 0)
                return r;
        satchel_path(satchel, SATCHEL_OUT, id, ".new", from);
        satchel_path(satchel, SATCHEL_OUT, id, "", to);
        if (r == 0) {
                if (recovery->now_ms / 1000 - written_s >= SATCHEL_ORPHAN_S)
                        (void)unlink(from);
                return 0;
        }
        satchel_forget_size(satchel, SATCHEL_OUT, to);
        if (rename(from, to) < 0 || stat(to, &status) < 0)
                return satchel_fail("renaming");
        satchel->bytes[SATCHEL_OUT] += (uint64_t)status.st_size;
        return 0;
}

int satchel_recover(struct satchel *satchel, int64_t now_ms,
                    int (*named)(void *context, const struct uuid *id,
                                 const struct attachment *attachment),
                    void *context)
{
        struct recovery recovery = {satchel, now_ms, named, context};
        CLEANUP(dir_closep) DIR *dir = opendir(satchel->folders[SATCHEL_OUT]);
        struct dirent *entry;
        int r = 0;

        if (!dir)
                return satchel_fail("listing");
        while (r >= 0 && (entry = readdir(dir))) {
                struct stat status;
                struct uuid id;

                if (strlen(entry->d_name) == UUID_TEXT_SIZE - 1 + 4 &&
                    ends_with(entry->d_name, ".new") &&
                    uuid_parse(BYTES(entry->d_name, UUID_TEXT_SIZE - 1), &id) >= 0 &&
                    fstatat(dirfd(dir), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
                        r = recover_one(&recovery, &id, status.st_mtime);
        }
        return r < 0 ? r : file_sync_folder(satchel->folders[SATCHEL_OUT]);
}

/* ---- life ---- */

struct counting {
        struct satchel *satchel;
        enum satchel_place place;
};

static int count_file(void *context, const struct satchel_file *file)
{
        struct counting *counting = context;

        counting->satchel->bytes[counting->place] += file->size;
        return 0;
}

/* What was being written when the power went: no entry names it. */
static int clear_half_written(const char *folder, enum satchel_place place)
{
        CLEANUP(dir_closep) DIR *dir = opendir(folder);
        struct dirent *entry;

        if (!dir)
                return satchel_fail("listing");
        while ((entry = readdir(dir))) {
                if (ends_with(entry->d_name, ".part") ||
                    (place == SATCHEL_KEPT && ends_with(entry->d_name, ".new")))
                        (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
        return 0;
}

static int open_folder(struct satchel *satchel, enum satchel_place place, const char *name)
{
        struct counting counting = {satchel, place};
        char *folder = satchel->folders[place];
        int size = snprintf(folder, sizeof(satchel->folders[place]), "%s/%s",
                            satchel->options.state, name);
        int r;

        if (size < 0 || (size_t)size >= sizeof(satchel->folders[place]))
                return FAIL(PANNIER_E_LIMIT, "the path of the state folder is too long");
        r = file_make_folder(folder, 0700);
        r = r < 0 ? r : clear_half_written(folder, place);
        return r < 0 ? r : satchel_each(satchel, place, count_file, &counting);
}

int satchel_open(const struct satchel_options *options, struct satchel **ret)
{
        CLEANUP(satchel_freep) struct satchel *satchel = calloc(1, sizeof(*satchel));
        int r;

        if (!satchel)
                return FAIL(PANNIER_E_MEMORY, "no memory for attachments");
        if (options->caseload_key.size != AEAD_KEY_SIZE)
                return FAIL(PANNIER_E_INVALID, "the caseload key has %d bytes", AEAD_KEY_SIZE);
        satchel->options = *options;
        memcpy(satchel->caseload_key, options->caseload_key.data, AEAD_KEY_SIZE);
        r = open_folder(satchel, SATCHEL_OUT, "outbox.d");
        r = r < 0 ? r : open_folder(satchel, SATCHEL_KEPT, "kept.d");
        if (r < 0)
                return r;
        *ret = TAKE(satchel);
        return 0;
}

struct satchel *satchel_free(struct satchel *satchel)
{
        if (!satchel)
                return NULL;
        crypto_wipe(satchel->caseload_key, sizeof(satchel->caseload_key));
        free(satchel);
        return NULL;
}
