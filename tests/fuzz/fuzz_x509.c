/* Certificates, PKCS#7 and PEM of a peer. */
#include "fuzz.h"

#include "common/crypto.h"

#include <string.h>

static int visit(void *context, struct bytes der)
{
        struct certificate_facts facts;

        (void)context;
        (void)crypto_certificate_read(der, &facts);
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;
        struct certificate_facts facts;
        struct bytes input = BYTES(data, size);

        if (crypto_certificate_read(input, &facts) == 0) {
                REQUIRE(memchr(facts.uri, '\0', sizeof(facts.uri)));
                REQUIRE(memchr(facts.common_name, '\0', sizeof(facts.common_name)));
                REQUIRE(bytes_is_utf8(bytes_text(facts.common_name)));
                (void)crypto_certificate_verify(input, input, 0);
        }
        (void)crypto_pkcs7_read(input, visit, NULL);
        (void)crypto_pem_decode(input, "CERTIFICATE", &out);
        return 0;
}
