/* Certificates, requests and PEM. crypto.h says what; keys are in crypto_openssl.c. */
#include "common/crypto_openssl.h"
#include "common/date.h"
#include "common/error.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

static void certificatep(X509 **certificate)
{
        X509_free(*certificate);
}

static void requestp(X509_REQ **request)
{
        X509_REQ_free(*request);
}

static void namesp(GENERAL_NAMES **names)
{
        GENERAL_NAMES_free(*names);
}

static void extensionsp(STACK_OF(X509_EXTENSION) * *extensions)
{
        sk_X509_EXTENSION_pop_free(*extensions, X509_EXTENSION_free);
}

static void pkcs7p(PKCS7 **pkcs7)
{
        PKCS7_free(*pkcs7);
}

static void biop(BIO **bio)
{
        (void)BIO_free(*bio);
}

static void opensslp(void *pointer)
{
        OPENSSL_free(*(void **)pointer);
}

/* Built from objects, not from a configuration string: a comma in @uri stays a comma. */
static int alternative_name(const char *uri, GENERAL_NAMES **ret)
{
        CLEANUP(namesp) GENERAL_NAMES *names = GENERAL_NAMES_new();
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_IA5STRING *text = ASN1_IA5STRING_new();

        if (!name || !text || !ASN1_STRING_set(text, uri, -1)) {
                ASN1_IA5STRING_free(text);
                GENERAL_NAME_free(name);
                return FAIL(PANNIER_E_MEMORY, "no memory for a name");
        }
        GENERAL_NAME_set0_value(name, GEN_URI, text);
        if (!names || !sk_GENERAL_NAME_push(names, name)) {
                GENERAL_NAME_free(name);
                return FAIL(PANNIER_E_MEMORY, "no memory for a name");
        }
        *ret = TAKE(names);
        return 0;
}

static int add_uri(X509_REQ *request, const char *uri)
{
        CLEANUP(extensionsp) STACK_OF(X509_EXTENSION) *extensions = NULL;
        CLEANUP(namesp) GENERAL_NAMES *names = NULL;
        int r = alternative_name(uri, &names);

        if (r < 0)
                return r;
        if (X509V3_add1_i2d(&extensions, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) != 1 ||
            !X509_REQ_add_extensions(request, extensions))
                return crypto_openssl_fail("alternative name of a request");
        return 0;
}

int crypto_certificate_request(const struct private_key *key, const char *common_name,
                               const char *uri, struct buffer *out)
{
        CLEANUP(requestp) X509_REQ *request = X509_REQ_new();
        CLEANUP(opensslp) uint8_t *der = NULL;
        EVP_PKEY *pkey = crypto_openssl_pkey(key);
        int size;

        if (!request || !X509_REQ_set_version(request, X509_REQ_VERSION_1) ||
            !X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(request), NID_commonName,
                                        MBSTRING_UTF8, (const uint8_t *)common_name, -1, -1, 0) ||
            !X509_REQ_set_pubkey(request, pkey))
                return crypto_openssl_fail("certificate request");
        if (uri) {
                int r = add_uri(request, uri);

                if (r < 0)
                        return r;
        }
        if (X509_REQ_sign(request, pkey, EVP_sha256()) <= 0)
                return crypto_openssl_fail("signing a certificate request");
        size = i2d_X509_REQ(request, &der);
        if (size <= 0)
                return crypto_openssl_fail("certificate request");
        buffer_append(out, BYTES(der, (size_t)size));
        return buffer_check(out);
}

static int read_der(struct bytes der, X509 **ret)
{
        CLEANUP(certificatep) X509 *certificate = NULL;
        const uint8_t *from = der.data;

        if (der.size == 0 || der.size > CERTIFICATE_SIZE_MAX)
                return FAIL(PANNIER_E_MALFORMED, "a certificate of %zu bytes", der.size);
        certificate = d2i_X509(NULL, &from, (long)der.size);
        if (!certificate || from != der.data + der.size) {
                ERR_clear_error();
                return FAIL(PANNIER_E_MALFORMED, "not a certificate in DER");
        }
        *ret = TAKE(certificate);
        return 0;
}

/* Not ASN1_TIME_to_time_t or timegm(): time_t has 32 bits on some of our devices. */
static int read_time(const ASN1_TIME *time, int64_t *ret_ms)
{
        struct calendar calendar;
        struct tm tm;

        if (!ASN1_TIME_to_tm(time, &tm)) {
                ERR_clear_error();
                return FAIL(PANNIER_E_MALFORMED, "a certificate without a proper date");
        }
        calendar = (struct calendar){
                .year = tm.tm_year + 1900,
                .month = tm.tm_mon + 1,
                .day = tm.tm_mday,
                .hour = tm.tm_hour,
                .minute = tm.tm_min,
                .second = tm.tm_sec,
        };
        return instant_from_calendar(&calendar, ret_ms) < 0 ? PANNIER_E_MALFORMED : 0;
}

/* A NUL inside of a name would let two programs read two different names. */
static int copy_name(struct bytes name, char *ret, size_t size)
{
        if (name.size >= size || !bytes_is_utf8(name))
                return FAIL(PANNIER_E_MALFORMED, "a certificate with a name that is no name");
        memcpy(ret, name.data, name.size);
        ret[name.size] = '\0';
        return 0;
}

static int read_common_name(const X509 *certificate, struct certificate_facts *facts)
{
        CLEANUP(opensslp) uint8_t *text = NULL;
        const X509_NAME *subject = X509_get_subject_name(certificate);
        int place = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
        int size;

        if (place < 0)
                return 0;
        size = ASN1_STRING_to_UTF8(&text,
                                   X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place)));
        if (size < 0) {
                ERR_clear_error();
                return FAIL(PANNIER_E_MALFORMED, "a certificate with a name that is no name");
        }
        return copy_name(BYTES(text, (size_t)size), facts->common_name, sizeof(facts->common_name));
}

static int read_uri(const X509 *certificate, struct certificate_facts *facts)
{
        int critical = -1;
        CLEANUP(namesp)
        GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);

        if (!names &&
            critical != -1) { /* -1: there is none; otherwise it is there, but twice or broken */
                ERR_clear_error();
                return FAIL(PANNIER_E_MALFORMED, "a certificate with a broken alternative name");
        }
        for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
                int kind = 0;
                const ASN1_STRING *text =
                        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &kind);

                if (kind == GEN_URI)
                        return copy_name(BYTES(ASN1_STRING_get0_data(text),
                                               (size_t)ASN1_STRING_length(text)),
                                         facts->uri, sizeof(facts->uri));
        }
        return 0;
}

int crypto_certificate_read(struct bytes der, struct certificate_facts *ret)
{
        CLEANUP(certificatep) X509 *certificate = NULL;
        struct certificate_facts facts = {0};
        int r = read_der(der, &certificate);

        if (r < 0)
                return r;
        r = read_time(X509_get0_notBefore(certificate), &facts.not_before_ms);
        if (r < 0)
                return r;
        r = read_time(X509_get0_notAfter(certificate), &facts.not_after_ms);
        if (r < 0)
                return r;
        r = read_common_name(certificate, &facts);
        if (r < 0)
                return r;
        r = read_uri(certificate, &facts);
        if (r < 0)
                return r;
        crypto_openssl_point(X509_get0_pubkey(certificate), facts.public_key);
        facts.authority =
                X509_check_ca(certificate) == 1; /* 1: basic constraints say so; 3, 4, 5: guesses */
        crypto_sha256(der, facts.fingerprint);
        ERR_clear_error();
        *ret = facts;
        return 0;
}

int crypto_certificate_verify(struct bytes issuer_der, struct bytes certificate_der, int64_t now_ms)
{
        CLEANUP(certificatep) X509 *issuer = NULL;
        CLEANUP(certificatep) X509 *certificate = NULL;
        struct certificate_facts facts;
        int r = read_der(issuer_der, &issuer);

        if (r < 0)
                return r;
        r = read_der(certificate_der, &certificate);
        if (r < 0)
                return r;
        if (X509_check_ca(issuer) != 1)
                return FAIL(PANNIER_E_CRYPTO, "the issuer's certificate is not one of a CA");
        if (X509_check_issued(issuer, certificate) != X509_V_OK ||
            X509_verify(certificate, X509_get0_pubkey(issuer)) != 1) {
                ERR_clear_error();
                return FAIL(PANNIER_E_CRYPTO, "the certificate is not from this CA");
        }
        r = crypto_certificate_read(issuer_der, &facts);
        if (r < 0)
                return r;
        if (now_ms < facts.not_before_ms || now_ms > facts.not_after_ms)
                return FAIL(PANNIER_E_CRYPTO, "the CA's certificate is not valid at this time");
        r = crypto_certificate_read(certificate_der, &facts);
        if (r < 0)
                return r;
        if (now_ms < facts.not_before_ms || now_ms > facts.not_after_ms)
                return FAIL(PANNIER_E_CRYPTO, "the certificate is not valid at this time");
        return 0;
}

static int visit_certificate(const X509 *certificate, int (*visit)(void *context, struct bytes der),
                             void *context)
{
        CLEANUP(opensslp) uint8_t *der = NULL;
        int size = i2d_X509(certificate, &der);

        if (size <= 0)
                return crypto_openssl_fail("certificate in PKCS#7");
        return visit(context, BYTES(der, (size_t)size));
}

int crypto_pkcs7_read(struct bytes der, int (*visit)(void *context, struct bytes der),
                      void *context)
{
        CLEANUP(pkcs7p) PKCS7 *pkcs7 = NULL;
        const uint8_t *from = der.data;
        const STACK_OF(X509) * certificates;

        if (der.size == 0 || der.size > PKCS7_SIZE_MAX)
                return FAIL(PANNIER_E_MALFORMED, "PKCS#7 of %zu bytes", der.size);
        pkcs7 = d2i_PKCS7(NULL, &from, (long)der.size);
        if (!pkcs7 || from != der.data + der.size || !PKCS7_type_is_signed(pkcs7) ||
            !pkcs7->d.sign) {
                ERR_clear_error();
                return FAIL(PANNIER_E_MALFORMED, "not certificates in PKCS#7");
        }
        certificates = pkcs7->d.sign->cert;
        for (int i = 0; certificates && i < sk_X509_num(certificates); i++) {
                int r = visit_certificate(sk_X509_value(certificates, i), visit, context);

                if (r != 0)
                        return r;
        }
        return 0;
}

int crypto_pkcs7_write(const struct bytes *certificates, size_t count, struct buffer *out)
{
        CLEANUP(pkcs7p) PKCS7 *pkcs7 = PKCS7_new();
        CLEANUP(opensslp) uint8_t *der = NULL;
        int size;

        if (!pkcs7 || !PKCS7_set_type(pkcs7, NID_pkcs7_signed) ||
            !PKCS7_content_new(pkcs7, NID_pkcs7_data))
                return crypto_openssl_fail("PKCS#7");
        /* Certificates alone have no content (RFC 5652 §5.2.2: "degenerate"). */
        PKCS7_set_detached(pkcs7, 1);
        for (size_t i = 0; i < count; i++) {
                CLEANUP(certificatep) X509 *certificate = NULL;
                int r = read_der(certificates[i], &certificate);

                if (r < 0)
                        return r;
                if (!PKCS7_add_certificate(pkcs7, certificate)) /* takes a reference */
                        return crypto_openssl_fail("PKCS#7");
        }
        size = i2d_PKCS7(pkcs7, &der);
        if (size <= 0)
                return crypto_openssl_fail("PKCS#7");
        buffer_append(out, BYTES(der, (size_t)size));
        return buffer_check(out);
}

int crypto_pem_decode(struct bytes pem, const char *label, struct buffer *out)
{
        CLEANUP(biop) BIO *bio = NULL;

        if (pem.size > BUFFER_LIMIT_MAX)
                return FAIL(PANNIER_E_LIMIT, "PEM of %zu bytes", pem.size);
        bio = BIO_new_mem_buf(pem.size > 0 ? (const void *)pem.data : "", (int)pem.size);
        if (!bio)
                return FAIL(PANNIER_E_MEMORY, "no memory for a BIO");
        for (;;) {
                CLEANUP(opensslp) char *name = NULL;
                CLEANUP(opensslp) char *header = NULL;
                CLEANUP(opensslp) uint8_t *data = NULL;
                long size;

                if (!PEM_read_bio(bio, &name, &header, &data, &size)) {
                        ERR_clear_error();
                        return FAIL(PANNIER_E_MALFORMED, "no PEM block %s", label);
                }
                if (strcmp(name, label) != 0)
                        continue;
                buffer_append(out, BYTES(data, (size_t)size));
                return buffer_check(out);
        }
}

void crypto_pem_encode(struct bytes der, const char *label, struct buffer *out)
{
        CLEANUP(biop) BIO *bio = BIO_new(BIO_s_mem());
        char *data = NULL;
        long size;

        if (der.size > BUFFER_LIMIT_MAX || !bio ||
            !PEM_write_bio(bio, label, "", der.data, (long)der.size)) {
                ERR_clear_error();
                out->failed = true;
                return;
        }
        size = BIO_get_mem_data(bio, &data);
        buffer_append(out, BYTES(data, (size_t)size));
}
