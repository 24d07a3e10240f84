#include "common/file.h"

#include "common/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void closep(const int *fd)
{
        if (*fd >= 0)
                (void)close(*fd);
}

static int fail_errno(const char *what, const char *path)
{
        int code = errno;
        int error = PANNIER_E_SYSTEM;

        if (code == ENOENT)
                error = PANNIER_E_NOT_FOUND;
        else if (code == ENOSPC || code == EDQUOT || code == EIO || code == EFBIG)
                error = PANNIER_E_STORAGE;
        return FAIL(error, "%s %s: %s", what, path, strerror(code));
}

int file_read(const char *path, size_t limit, struct buffer *out)
{
        CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        size_t size = 0;

        if (fd < 0)
                return fail_errno("reading", path);
        for (;;) {
                size_t more =
                        limit - size < 4096 ? limit - size + 1 : 4096; /* one more than allowed */
                uint8_t *to = buffer_reserve(out, more);
                ssize_t got;

                if (!to)
                        return buffer_check(out);
                got = read(fd, to, more);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return fail_errno("reading", path);
                if (got == 0)
                        return 0;
                size += (size_t)got;
                if (size > limit) {
                        out->size -= size - (size_t)got;
                        return FAIL(PANNIER_E_LIMIT, "%s has more than %zu bytes", path, limit);
                }
                out->size += (size_t)got;
        }
}

static int write_all(int fd, struct bytes content, const char *path)
{
        while (content.size > 0) {
                ssize_t done = write(fd, content.data, content.size);

                if (done < 0 && errno == EINTR)
                        continue;
                if (done < 0)
                        return fail_errno("writing", path);
                content = BYTES(content.data + done, content.size - (size_t)done);
        }
        return 0;
}

int file_sync_folder(const char *folder)
{
        CLEANUP(closep) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 || fsync(fd) != 0 ? fail_errno("flushing", folder) : 0;
}

/* The folder's entry is data of the folder: without this flush a power cut may take the new name away. */
int file_flush_folder(const char *path)
{
        CLEANUP(free_pointerp) char *folder = strdup(path);
        char *slash;

        if (!folder)
                return FAIL(PANNIER_E_MEMORY, "no memory for a path");
        slash = strrchr(folder, '/');
        if (!slash)
                (void)snprintf(folder, 2, ".");
        else
                slash[slash == folder] = '\0';
        return file_sync_folder(folder);
}

static int write_new(const char *path, struct bytes content, mode_t mode)
{
        CLEANUP(closep)
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        int r;

        if (fd < 0)
                return fail_errno("writing", path);
        r = write_all(fd, content, path);
        if (r < 0)
                return r;
        if (fchmod(fd, mode) != 0) /* whatever the umask took away */
                return fail_errno("writing", path);
        if (fsync(fd) != 0)
                return FAIL(PANNIER_E_STORAGE, "flushing %s: %s", path, strerror(errno));
        return 0;
}

int file_write(const char *path, struct bytes content, mode_t mode)
{
        CLEANUP(free_pointerp) char *beside = NULL;
        int r;

        if (asprintf(&beside, "%s.new", path) < 0) {
                beside = NULL;
                return FAIL(PANNIER_E_MEMORY, "no memory for a path");
        }
        (void)unlink(beside); /* left by a crash; its content is worth nothing */
        r = write_new(beside, content, mode);
        if (r == 0 && rename(beside, path) != 0)
                r = fail_errno("renaming to", path);
        if (r < 0) {
                (void)unlink(beside);
                return r == PANNIER_E_NOT_FOUND ? PANNIER_E_SYSTEM
                                                : r; /* the folder is not there */
        }
        return file_flush_folder(path);
}

int file_make_folder(const char *path, mode_t mode)
{
        struct stat status;

        if (mkdir(path, mode) == 0)
                return file_flush_folder(path);
        if (errno == EEXIST && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
                return 0;
        return FAIL(PANNIER_E_SYSTEM, "making the folder %s: %s", path, strerror(errno));
}

int file_lock(const char *path, int *ret_lock)
{
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        int code;

        if (fd < 0)
                return FAIL(PANNIER_E_SYSTEM, "locking %s: %s", path, strerror(errno));
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
                *ret_lock = fd;
                return 0;
        }
        code = errno;
        (void)close(fd);
        if (code == EWOULDBLOCK)
                return FAIL(PANNIER_E_BUSY, "another program holds %s", path);
        return FAIL(PANNIER_E_SYSTEM, "locking %s: %s", path, strerror(code));
}

void file_unlock(int lock)
{
        if (lock >= 0)
                (void)close(lock);
}
