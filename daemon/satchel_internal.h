/* What the files of the satchel share. Nobody else includes it. */
#ifndef DAEMON_SATCHEL_INTERNAL_H
#define DAEMON_SATCHEL_INTERNAL_H

#include "daemon/satchel.h"

enum {
        SATCHEL_PATH_SIZE = 4096,
        SATCHEL_MAGIC_SIZE = 8,
        SATCHEL_FACTS_SIZE = AEAD_KEY_SIZE + HASH_SIZE + 8,
        /* magic, nonce, and under the caseload key: the file's key, hash, size */
        SATCHEL_HEAD_SIZE =
                SATCHEL_MAGIC_SIZE + AEAD_NONCE_SIZE + SATCHEL_FACTS_SIZE + AEAD_TAG_SIZE,
};

struct satchel {
        struct satchel_options options;
        uint8_t caseload_key[AEAD_KEY_SIZE];
        char folders[2][SATCHEL_PATH_SIZE - 128];
        uint64_t bytes[2];
        unsigned serial; /* of writers: two may have one id */
};

void satchel_path(const struct satchel *satchel, enum satchel_place place, const struct uuid *id,
                  const char *suffix, char ret[SATCHEL_PATH_SIZE]);
int satchel_fail(const char *what);
void satchel_closep(const int *fd); /* for CLEANUP */
int satchel_open_file(const struct satchel *satchel, enum satchel_place place,
                      const struct uuid *id, const char *suffix, int flags, int *ret);
int satchel_write_at(int fd, struct bytes bytes, off_t place);
/* satchel_head() - satchel_out() of a file with a suffix */
int satchel_head(struct satchel *satchel, const struct uuid *id, const char *suffix,
                 struct attachment *ret, uint8_t ret_key[AEAD_KEY_SIZE]);
/* satchel_forget_size() - a file is about to go */
void satchel_forget_size(struct satchel *satchel, enum satchel_place place, const char *path);

#endif
