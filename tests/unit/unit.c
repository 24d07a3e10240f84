#include "tests/unit/unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print_hex(const char *what, struct bytes data)
{
        (void)fprintf(stderr, "%s %zu bytes:", what, data.size);
        for (size_t i = 0; i < data.size && i < 256; i++)
                (void)fprintf(stderr, " %02x", (unsigned int)data.data[i]);
        (void)fputc('\n', stderr);
}

void unit_assert_bytes(struct bytes have, struct bytes want, const char *file, int line)
{
        if (have.size == want.size &&
            (want.size == 0 || memcmp(have.data, want.data, want.size) == 0))
                return;
        print_hex("have", have);
        print_hex("want", want);
        _fail(file, line);
}

void unit_hex(const char *digits, struct buffer *out)
{
        char pair[3] = "";
        size_t have = 0;

        for (const char *c = digits; *c != '\0'; c++) {
                char *end;
                long value;

                if (*c == ' ')
                        continue;
                pair[have++] = *c;
                if (have < 2)
                        continue;
                value = strtol(pair, &end, 16);
                assert_true(end == pair + 2);
                buffer_append_byte(out, (uint8_t)value);
                have = 0;
        }
        assert_int_equal(have, 0);
        assert_false(out->failed);
}

int unit_folder_make(void **state)
{
        const char *parent = getenv("TMPDIR");
        char *path = NULL;

        if (asprintf(&path, "%s/pannier-unit-XXXXXX", parent ? parent : "/tmp") < 0)
                return -1;
        if (!mkdtemp(path)) {
                free(path);
                return -1;
        }
        *state = path;
        return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
        (void)status, (void)kind, (void)walk;
        return remove(path);
}

int unit_folder_remove(void **state)
{
        int r = nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);

        free(*state);
        *state = NULL;
        return r;
}

const char *unit_path(void *const *state, const char *name)
{
        static char paths[8][512];
        static unsigned int next;
        char *path = paths[next++ % COUNT(paths)];

        (void)snprintf(path, sizeof(paths[0]), "%s/%s", (const char *)*state, name);
        return path;
}

static void remove_beside(const char *path, const char *suffix)
{
        char name[600];

        (void)snprintf(name, sizeof(name), "%s%s", path, suffix);
        (void)remove(name);
}

void unit_copy_database(const char *from, const char *to)
{
        FILE *in = fopen(from, "rb"), *out;
        char bytes[4096];
        size_t size;

        remove_beside(to, "");
        remove_beside(to, "-wal");
        remove_beside(to, "-shm");
        if (!in)
                return;
        out = fopen(to, "wb");
        assert_non_null(out);
        while ((size = fread(bytes, 1, sizeof(bytes), in)) > 0)
                assert_int_equal(fwrite(bytes, 1, size, out), size);
        (void)fclose(in);
        assert_int_equal(fclose(out), 0);
}
