/* Runs a fuzz target over its corpus, without libFuzzer: driver FOLDER... Each file is one input. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>

enum { INPUT_MAX = 1 << 20 };

/* The input lies in memory of exactly its size, so that a sanitizer sees a read behind it. */
static int run_file(const char *path)
{
        CLEANUP(free_pointerp) uint8_t *large = malloc(INPUT_MAX);
        CLEANUP(free_pointerp) uint8_t *exact = NULL;
        FILE *file = fopen(path, "rb");
        size_t size;

        if (!file || !large)
                return -1;
        size = fread(large, 1, INPUT_MAX, file);
        (void)fclose(file);
        exact = malloc(size + !size);
        if (!exact)
                return -1;
        for (size_t i = 0; i < size; i++)
                exact[i] = large[i];
        return LLVMFuzzerTestOneInput(exact, size);
}

static int run_folder(const char *folder)
{
        DIR *entries = opendir(folder);
        struct dirent *entry;
        int count = 0;

        if (!entries)
                return -1;
        while ((entry = readdir(entries))) {
                char path[4096];

                if (entry->d_name[0] == '.')
                        continue;
                (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
                if (run_file(path) < 0) {
                        (void)fprintf(stderr, "%s: cannot be read\n", path);
                        count = -1;
                        break;
                }
                count++;
        }
        (void)closedir(entries);
        return count;
}

int main(int argc, char **argv)
{
        int sum = 0;

        for (int i = 1; i < argc; i++) {
                int count = run_folder(argv[i]);

                if (count < 0)
                        return 1;
                sum += count;
        }
        (void)printf("%d inputs\n", sum);
        return sum == 0; /* a corpus that went missing is a failure */
}
