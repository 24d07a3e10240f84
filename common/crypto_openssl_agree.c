/* What two P-256 keys agree on, and keys that are made from a number. */
#include "common/crypto_openssl.h"

#include "common/error.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <string.h>

static void bn_freep(BIGNUM **number)
{
        BN_clear_free(*number);
}

static void group_freep(EC_GROUP **group)
{
        EC_GROUP_free(*group);
}

static void point_freep(EC_POINT **point)
{
        EC_POINT_free(*point);
}

static void context_freep(EVP_PKEY_CTX **context)
{
        EVP_PKEY_CTX_free(*context);
}

static void pkey_freep(EVP_PKEY **pkey)
{
        EVP_PKEY_free(*pkey);
}

static void builder_freep(OSSL_PARAM_BLD **builder)
{
        OSSL_PARAM_BLD_free(*builder);
}

static void parameters_freep(OSSL_PARAM **parameters)
{
        OSSL_PARAM_free(*parameters);
}

/* The public point of a number; PANNIER_E_CRYPTO where it has none that may be used. */
static int point_of(const BIGNUM *number, uint8_t ret[PUBLIC_KEY_SIZE])
{
        CLEANUP(group_freep) EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
        CLEANUP(point_freep) EC_POINT *point = group ? EC_POINT_new(group) : NULL;

        if (!point)
                return crypto_openssl_fail("P-256");
        if (BN_is_zero(number) || BN_cmp(number, EC_GROUP_get0_order(group)) >= 0)
                return FAIL(PANNIER_E_CRYPTO, "no private key of P-256 has this number");
        if (EC_POINT_mul(group, point, number, NULL, NULL, NULL) != 1 ||
            EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, ret, PUBLIC_KEY_SIZE,
                               NULL) != PUBLIC_KEY_SIZE)
                return crypto_openssl_fail("P-256");
        return 0;
}

static int make_pkey(int selection, OSSL_PARAM *parameters, EVP_PKEY **ret)
{
        CLEANUP(context_freep)
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);

        if (!context || EVP_PKEY_fromdata_init(context) != 1 ||
            EVP_PKEY_fromdata(context, ret, selection, parameters) != 1)
                return crypto_openssl_fail("P-256 key");
        return 0;
}

int private_key_from_number(const uint8_t number[PRIVATE_KEY_SIZE], struct private_key **ret)
{
        CLEANUP(bn_freep) BIGNUM *value = BN_secure_new();
        CLEANUP(builder_freep) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        CLEANUP(parameters_freep) OSSL_PARAM *parameters = NULL;
        uint8_t point[PUBLIC_KEY_SIZE];
        EVP_PKEY *pkey = NULL;
        int r;

        if (!value || !builder || !BN_bin2bn(number, PRIVATE_KEY_SIZE, value))
                return FAIL(PANNIER_E_MEMORY, "no memory for a key");
        r = point_of(value, point);
        if (r < 0)
                return r;
        if (!OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1",
                                             0) ||
            !OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point,
                                              sizeof(point)) ||
            !OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, value))
                return crypto_openssl_fail("P-256 key");
        parameters = OSSL_PARAM_BLD_to_param(builder);
        if (!parameters)
                return crypto_openssl_fail("P-256 key");
        r = make_pkey(EVP_PKEY_KEYPAIR, parameters, &pkey);
        return r < 0 ? r : crypto_openssl_private_key(pkey, ret);
}

/* Whether the point lies on the curve is checked where it is read: nothing is computed with one that does not. */
static int read_peer(const uint8_t point[PUBLIC_KEY_SIZE], EVP_PKEY **ret)
{
        char group[] = "prime256v1";
        uint8_t copy[PUBLIC_KEY_SIZE];
        OSSL_PARAM parameters[] = {
                OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group) - 1),
                OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, sizeof(copy)),
                OSSL_PARAM_END,
        };

        if (point[0] != POINT_CONVERSION_UNCOMPRESSED)
                return FAIL(PANNIER_E_CRYPTO, "a public key is an uncompressed point");
        memcpy(copy, point, sizeof(copy));
        return make_pkey(EVP_PKEY_PUBLIC_KEY, parameters, ret);
}

int private_key_agree(const struct private_key *key, const uint8_t point[PUBLIC_KEY_SIZE],
                      uint8_t ret[AGREED_SIZE])
{
        CLEANUP(pkey_freep) EVP_PKEY *peer = NULL;
        CLEANUP(context_freep) EVP_PKEY_CTX *context = NULL;
        uint8_t agreed[AGREED_SIZE];
        size_t size = sizeof(agreed);
        int r = read_peer(point, &peer);

        if (r < 0)
                return r;
        context = EVP_PKEY_CTX_new_from_pkey(NULL, crypto_openssl_pkey(key), NULL);
        if (!context || EVP_PKEY_derive_init(context) != 1 ||
            EVP_PKEY_derive_set_peer(context, peer) != 1 ||
            EVP_PKEY_derive(context, agreed, &size) != 1 || size != sizeof(agreed))
                return crypto_openssl_fail("ECDH");
        memcpy(ret, agreed, sizeof(agreed));
        crypto_wipe(agreed, sizeof(agreed));
        return 0;
}
