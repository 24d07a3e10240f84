#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD: the way with a provider of one's own is 300 lines for the same */

#include "tests/sim/crypto.h"

#include "tests/sim/random.h"

#include <openssl/rand.h>
#include <sqlite3.h>
#include <stdlib.h>

static struct random stream;

static int draw(unsigned char *data, int size)
{
        random_fill(&stream, data, (size_t)size);
        return 1;
}

static int status(void)
{
        return 1;
}

void sim_crypto_seed(uint64_t seed)
{
        static const RAND_METHOD method = {.bytes = draw, .pseudorand = draw, .status = status};

        random_init(&stream, seed, 7);
        if (RAND_get_rand_method() != &method && RAND_set_rand_method(&method) != 1)
                abort();
}

void sim_crypto_cipher(void)
{
        sqlite3 *db = NULL;

        if (sqlite3_open(":memory:", &db) != SQLITE_OK ||
            sqlite3_exec(db,
                         "PRAGMA cipher_default_hmac_algorithm = HMAC_SHA1;"
                         "PRAGMA cipher_default_kdf_algorithm = PBKDF2_HMAC_SHA1",
                         NULL, NULL, NULL) != SQLITE_OK ||
            sqlite3_close(db) != SQLITE_OK)
                abort();
}
