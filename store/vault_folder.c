/* The vault's folders as a whole: opening and counting, what is dropped, what is wanted, copies for a backup. */
#include "store/vault_internal.h"

#include "common/error.h"
#include "common/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t day_ms = INT64_C(24) * 60 * 60 * 1000;

void vault_closep(const int *fd)
{
        if (*fd >= 0)
                (void)close(*fd);
}

int vault_fail(const char *what, const char *path)
{
        return FAIL(PANNIER_E_STORAGE, "%s %s: %s", what, path, strerror(errno));
}

int vault_write(int fd, struct bytes bytes)
{
        while (bytes.size > 0) {
                ssize_t done = write(fd, bytes.data, bytes.size);

                if (done < 0 && errno == EINTR)
                        continue;
                if (done < 0)
                        return FAIL(PANNIER_E_STORAGE, "writing an attachment: %s",
                                    strerror(errno));
                bytes = BYTES(bytes.data + done, bytes.size - (size_t)done);
        }
        return 0;
}

/* ---- walking ---- */

static void dir_closep(DIR **dir)
{
        if (*dir)
                (void)closedir(*dir);
}

typedef int file_visit(void *context, const char *path, const char *name,
                       const struct stat *status);

static int each_file(const char *folder, file_visit *visit, void *context)
{
        CLEANUP(dir_closep) DIR *dir = opendir(folder);
        struct dirent *entry;
        int r = 0;

        if (!dir)
                return errno == ENOENT ? 0 : vault_fail("reading", folder);
        while (r == 0 && (entry = readdir(dir))) {
                char path[VAULT_PATH_MAX];
                struct stat status;
                int size = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);

                if (size < 0 || (size_t)size >= sizeof(path) || lstat(path, &status) < 0 ||
                    !S_ISREG(status.st_mode))
                        continue;
                r = visit(context, path, entry->d_name, &status);
        }
        return r;
}

/* The 256 folders of whole ones. */
static int each_whole(const char *folder, file_visit *visit, void *context)
{
        int r = 0;

        for (unsigned i = 0; i < 256 && r == 0; i++) {
                char path[VAULT_PATH_MAX];

                (void)snprintf(path, sizeof(path), "%.3800s/%02x", folder, i);
                r = each_file(path, visit, context);
        }
        return r;
}

static int count_file(void *context, const char *path, const char *name, const struct stat *status)
{
        struct vault *vault = context;

        (void)path;
        (void)name;
        vault->used += (uint64_t)status->st_size;
        return 0;
}

struct sweep {
        struct vault *vault;
        int64_t before_s;
};

/* A .new file is of a crash: the part it was made of is still there. */
static int sweep_part(void *context, const char *path, const char *name, const struct stat *status)
{
        struct sweep *sweep = context;
        struct vault *vault = sweep->vault;

        vault->parts++;
        vault->used += (uint64_t)status->st_size;
        if (status->st_mtime >= sweep->before_s && !strstr(name, ".new"))
                return 0;
        if (unlink(path) == 0) {
                vault->parts--;
                vault->used -= (uint64_t)status->st_size;
        }
        return 0;
}

/* Counts everything anew: files are what is true, the numbers only what was remembered of them. */
static int count(struct vault *vault, int64_t now_ms)
{
        struct sweep sweep = {vault, (now_ms - VAULT_PART_DAYS * day_ms) / 1000};
        char parts[VAULT_PATH_MAX];
        int r;

        vault->used = vault->parts = 0;
        vault->swept_ms = now_ms;
        (void)snprintf(parts, sizeof(parts), "%s/parts", vault->folder);
        r = each_whole(vault->folder, count_file, vault);
        return r < 0 ? r : each_file(parts, sweep_part, &sweep);
}

void vault_sweep(struct vault *vault, int64_t now_ms)
{
        if (now_ms - vault->swept_ms >= day_ms && count(vault, now_ms) < 0)
                error_clear(); /* tomorrow again */
}

/* ---- life ---- */

int vault_open(const char *folder, const struct vault_limits *limits, int64_t now_ms,
               struct vault **ret)
{
        static const char *const below[] = {"", "/parts", "/wanted"};
        CLEANUP(vault_freep) struct vault *vault = calloc(1, sizeof(*vault));
        int r = 0;

        if (!vault)
                return FAIL(PANNIER_E_MEMORY, "vault");
        if (strlen(folder) >= sizeof(vault->folder))
                return FAIL(PANNIER_E_LIMIT, "the path of the store's folder is too long");
        (void)snprintf(vault->folder, sizeof(vault->folder), "%s", folder);
        for (size_t i = 0; i < sizeof(below) / sizeof(below[0]) && r >= 0; i++) {
                char path[VAULT_PATH_MAX];

                (void)snprintf(path, sizeof(path), "%s%s", folder, below[i]);
                r = file_make_folder(path, 0700);
        }
        if (limits)
                vault->limits = *limits;
        r = r < 0 || !limits ? r : count(vault, now_ms);
        if (r < 0)
                return r;
        *ret = TAKE(vault);
        return 0;
}

struct vault *vault_free(struct vault *vault)
{
        free(vault);
        return NULL;
}

uint64_t vault_used(const struct vault *vault)
{
        return vault->used;
}

/* ---- wanted ---- */

bool vault_is_wanted(const struct vault *vault, const struct uuid *record)
{
        char path[VAULT_PATH_MAX], id[UUID_TEXT_SIZE];

        uuid_format(record, id);
        (void)snprintf(path, sizeof(path), "%s/wanted/%s", vault->folder, id);
        return access(path, F_OK) == 0;
}

struct wanted {
        int (*visit)(void *context, const struct uuid *record);
        void *context;
};

static int tell_wanted(void *context, const char *path, const char *name, const struct stat *status)
{
        struct wanted *wanted = context;
        struct uuid record;

        (void)path;
        (void)status;
        return uuid_parse(bytes_text(name), &record) < 0 ? 0
                                                         : wanted->visit(wanted->context, &record);
}

int vault_wanted(const struct vault *vault, int (*visit)(void *context, const struct uuid *record),
                 void *context)
{
        struct wanted wanted = {visit, context};
        char path[VAULT_PATH_MAX];
        int r;

        (void)snprintf(path, sizeof(path), "%s/wanted", vault->folder);
        r = each_file(path, tell_wanted, &wanted);
        error_clear(); /* names that are no ids */
        return r;
}

/* ---- backup ---- */

struct copy {
        const char *to;
        uint64_t count, bytes;
};

static int copy_file(void *context, const char *path, const char *name, const struct stat *status)
{
        struct copy *copy = context;
        CLEANUP(buffer_deinit) struct buffer content = BUFFER_INIT;
        char folder[VAULT_PATH_MAX], to[VAULT_PATH_MAX];
        int r;

        (void)snprintf(folder, sizeof(folder), "%.3800s/%.2s", copy->to, name);
        (void)snprintf(to, sizeof(to), "%.3900s/%.180s", folder, name);
        if (access(to, F_OK) == 0)
                return 0; /* its name says what is in it */
        r = file_make_folder(folder, 0700);
        r = r < 0 ? r : file_read(path, (size_t)status->st_size, &content);
        r = r < 0 ? r : file_write(to, buffer_view(&content), 0600);
        copy->count += r >= 0;
        copy->bytes += r >= 0 ? content.size : 0;
        return r;
}

int vault_copy(const char *folder, const char *to, uint64_t *ret_count, uint64_t *ret_bytes)
{
        struct copy copy = {.to = to};
        int r = file_make_folder(to, 0700);

        r = r < 0 ? r : each_whole(folder, copy_file, &copy);
        *ret_count = copy.count;
        *ret_bytes = copy.bytes;
        return r;
}
