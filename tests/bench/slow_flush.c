/*
 * Slow media, for any program: preloaded, each flush of a file to the disk takes SLOW_FLUSH_US microseconds longer, as on
 * a memory card. Bare SQLite and the daemon are measured with the same one. The delay is what is made here: nothing waits for anything.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef int flush_call(int fd);

static void take_time(void)
{
        const char *setting = getenv("SLOW_FLUSH_US");
        long us = setting ? strtol(setting, NULL, 10) : 0;
        struct timespec rest = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

        while (us > 0 && nanosleep(&rest, &rest) != 0)
                ;
}

static int flush(const char *name, int fd)
{
        /* POSIX says that a pointer from dlsym() may be a function's; ISO C does not, hence the union. */
        union {
                void *object;
                flush_call *call;
        } real = {.object = dlsym(RTLD_NEXT, name)};

        take_time();
        return real.call(fd);
}

EXPORT int fsync(int fd)
{
        return flush("fsync", fd);
}

EXPORT int fdatasync(int fd)
{
        return flush("fdatasync", fd);
}
