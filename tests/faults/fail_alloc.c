/*
 * Preloaded before a program: its FAULT_ALLOC-th call for memory gets none, once. Without FAULT_ALLOC it only counts. At a clean
 * end the number of calls is written to the file FAULT_ALLOC_COUNT.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* glibc's own names of its allocator: no dlsym(), which allocates itself. They are reserved, and glibc's. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *ptr, size_t size);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static atomic_ulong calls;
static atomic_ulong fails_at;

__attribute__((constructor)) static void begin(void)
{
        const char *at = getenv("FAULT_ALLOC");

        atomic_store(&fails_at, at ? strtoul(at, NULL, 10) : 0);
        atomic_store(&calls, 0);
}

__attribute__((destructor)) static void end(void)
{
        const char *path = getenv("FAULT_ALLOC_COUNT");
        char text[32];
        int file, size = snprintf(text, sizeof(text), "%lu\n", atomic_load(&calls));

        file = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
        if (file < 0)
                return;
        if (size > 0 && write(file, text, (size_t)size) < 0)
                errno = 0; /* the reader misses it and says so */
        (void)close(file);
}

static bool fails(void)
{
        unsigned long at = atomic_load(&fails_at);

        return atomic_fetch_add(&calls, 1) + 1 == at;
}

void *malloc(size_t size)
{
        if (!fails())
                return __libc_malloc(size);
        errno = ENOMEM;
        return NULL;
}

void *calloc(size_t nmemb, size_t size)
{
        if (!fails())
                return __libc_calloc(nmemb, size);
        errno = ENOMEM;
        return NULL;
}

void *realloc(void *ptr, size_t size)
{
        if (!fails())
                return __libc_realloc(ptr, size);
        errno = ENOMEM;
        return NULL;
}
