/*
 * The encoders make exactly the checked-in test vectors: wire_vectors FOLDER [--write]
 *
 * With --write it writes them, after a deliberate change of the protocol; then tests/vectors/check.py --write, and read the
 * difference. A vector that changes without that is a protocol that broke.
 */
#include "wire_samples.h"

#include <stdio.h>
#include <string.h>

static int write_vector(const char *path, struct bytes want)
{
        FILE *file = fopen(path, "wb");
        size_t written;

        if (!file)
                return 1;
        written = fwrite(want.data, 1, want.size, file);
        return fclose(file) != 0 || written != want.size;
}

static int compare_vector(const char *path, struct bytes want)
{
        uint8_t have[4096];
        FILE *file = fopen(path, "rb");
        size_t size;

        if (!file)
                return 1;
        size = fread(have, 1, sizeof(have), file);
        (void)fclose(file);
        return !bytes_equal(BYTES(have, size), want);
}

static int run_samples(const struct wire_sample *samples, size_t count, const char *folder,
                       bool write)
{
        int failed = 0;

        for (size_t i = 0; i < count; i++) {
                CLEANUP(buffer_deinit) struct buffer encoded = BUFFER_INIT;
                char path[1024];
                int r;

                (void)snprintf(path, sizeof(path), "%s/%s.cbor", folder, samples[i].name);
                samples[i].put(&encoded);
                r = buffer_check(&encoded);
                if (r == 0)
                        r = write ? write_vector(path, buffer_view(&encoded))
                                  : compare_vector(path, buffer_view(&encoded));
                if (r != 0)
                        (void)fprintf(stderr, "%s: not as it is encoded here\n", path);
                failed += r != 0;
        }
        return failed;
}

int main(int argc, char **argv)
{
        bool write = argc == 3 && strcmp(argv[2], "--write") == 0;
        int failed;

        if (argc < 2)
                return 2;
        failed = run_samples(wire_samples, wire_sample_count, argv[1], write);
        failed += run_samples(part_samples, part_sample_count, argv[1], write);
        return failed ? 1 : 0;
}
