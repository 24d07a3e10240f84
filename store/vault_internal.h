/* What the files of the vault share. Nobody else includes it. */
#ifndef STORE_VAULT_INTERNAL_H
#define STORE_VAULT_INTERNAL_H

#include "store/vault.h"

enum { VAULT_PATH_MAX = 4096 };

struct vault {
        char folder[VAULT_PATH_MAX - 256]; /* so that every name below it fits */
        struct vault_limits limits;
        uint64_t used;  /* bytes of files */
        uint64_t parts; /* files in parts/ */
        int64_t swept_ms;
};

struct vault_whole {
        int fd;
        struct buffer table;
};

#define VAULT_WHOLE_INIT ((struct vault_whole){.fd = -1})

void vault_whole_close(struct vault_whole *whole); /* for CLEANUP */
void vault_closep(const int *fd);
int vault_fail(const char *what, const char *path);
int vault_write(int fd, struct bytes bytes);

/* vault_sweep() - once a day: drop parts that nobody goes on with */
void vault_sweep(struct vault *vault, int64_t now_ms);

#endif
