#include "store/ca.h"

#include "common/error.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

struct ca {
        EVP_PKEY *key;
        X509 *certificate;
        struct buffer der;
};

enum {
        SERIAL_SIZE = 16, /* random bytes of a serial number (RFC 5280 allows 20 octets in all) */
        HOST_SIZE_MAX = 253,
        LABEL_SIZE_MAX = 63,
};

static const char uri_prefix[] = "urn:pannier:device:";

/* SubjectPublicKeyInfo of a P-256 key (RFC 5480): this, then the 65 bytes of the uncompressed point. */
static const uint8_t spki_prefix[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                      0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
enum { SPKI_SIZE = sizeof(spki_prefix) + PUBLIC_KEY_SIZE };

static void key_freep(EVP_PKEY **key)
{
        EVP_PKEY_free(*key);
}

static void certificate_freep(X509 **certificate)
{
        X509_free(*certificate);
}

static void request_freep(X509_REQ **request)
{
        X509_REQ_free(*request);
}

static void bio_freep(BIO **bio)
{
        (void)BIO_free(*bio);
}

static void pkcs7_freep(PKCS7 **message)
{
        PKCS7_free(*message);
}

static void names_freep(GENERAL_NAMES **names)
{
        GENERAL_NAMES_free(*names);
}

/* OpenSSL's own words; its queue is left empty for the next failure. */
static int library_failed(int error, const char *what)
{
        char words[256] = "no reason given";
        unsigned long code = ERR_peek_last_error();

        if (code)
                ERR_error_string_n(code, words, sizeof(words));
        ERR_clear_error();
        return FAIL(error, "%s: %s", what, words);
}

static int key_read(struct bytes pem, EVP_PKEY **ret)
{
        CLEANUP(bio_freep) BIO *bio = NULL;
        EVP_PKEY *key;

        if (pem.size > BUFFER_LIMIT_MAX)
                return FAIL(PANNIER_E_LIMIT, "private key of %zu bytes", pem.size);
        bio = BIO_new_mem_buf(pem.data, (int)pem.size);
        key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
        if (!key)
                return library_failed(PANNIER_E_MALFORMED, "private key");
        *ret = key;
        return 0;
}

static int key_from_point(const uint8_t point[PUBLIC_KEY_SIZE], EVP_PKEY **ret)
{
        uint8_t spki[SPKI_SIZE];
        const uint8_t *at = spki;
        EVP_PKEY *key;

        memcpy(spki, spki_prefix, sizeof(spki_prefix));
        memcpy(spki + sizeof(spki_prefix), point, PUBLIC_KEY_SIZE);
        key = d2i_PUBKEY(NULL, &at, sizeof(spki)); /* refuses a point off the curve */
        if (!key)
                return library_failed(PANNIER_E_CRYPTO, "public key");
        *ret = key;
        return 0;
}

static int key_to_point(EVP_PKEY *key, uint8_t ret[PUBLIC_KEY_SIZE])
{
        uint8_t spki[SPKI_SIZE], *at = spki;
        int size = key ? i2d_PUBKEY(key, NULL) : 0;

        if (size != SPKI_SIZE || i2d_PUBKEY(key, &at) != SPKI_SIZE ||
            memcmp(spki, spki_prefix, sizeof(spki_prefix)) != 0)
                return library_failed(PANNIER_E_CRYPTO, "not an uncompressed P-256 key");
        memcpy(ret, spki + sizeof(spki_prefix), PUBLIC_KEY_SIZE);
        return 0;
}

static int certificate_read(struct bytes der, X509 **ret)
{
        CLEANUP(certificate_freep) X509 *certificate = NULL;
        const uint8_t *at = der.data;

        if (der.size && der.size <= BUFFER_LIMIT_MAX)
                certificate = d2i_X509(NULL, &at, (long)der.size);
        if (!certificate)
                return library_failed(PANNIER_E_MALFORMED, "certificate");
        if (at != der.data + der.size)
                return FAIL(PANNIER_E_MALFORMED, "bytes behind a certificate");
        *ret = TAKE(certificate);
        return 0;
}

static int certificate_write(X509 *certificate, struct buffer *out)
{
        int size = i2d_X509(certificate, NULL);
        uint8_t *at;

        if (size < 0)
                return library_failed(PANNIER_E_CRYPTO, "certificate");
        at = buffer_reserve(out, (size_t)size);
        if (!at)
                return buffer_check(out);
        (void)i2d_X509(certificate, &at);
        out->size += (size_t)size;
        return 0;
}

static int set_serial(X509 *certificate)
{
        uint8_t serial[SERIAL_SIZE];
        BIGNUM *number;
        bool done;

        crypto_random(serial, sizeof(serial));
        serial[0] =
                (uint8_t)((serial[0] & 0x7f) | 0x40); /* positive, and always of the same length */
        number = BN_bin2bn(serial, sizeof(serial), NULL);
        done = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
        BN_free(number);
        return done ? 0 : library_failed(PANNIER_E_CRYPTO, "serial number");
}

static int set_time(ASN1_TIME *time, int64_t at_ms)
{
        /* Days and seconds on top of 1970, so that nothing depends on the size of time_t (armhf: 32 bits). */
        struct tm at = {.tm_year = 70, .tm_mday = 1};
        int64_t seconds = at_ms / 1000;
        char text[72]; /* YYYYMMDDHHMMSSZ; room for what the compiler thinks an int may be */

        if (seconds < 0 || seconds / 86400 > INT32_MAX ||
            !OPENSSL_gmtime_adj(&at, (int)(seconds / 86400), (long)(seconds % 86400)) ||
            at.tm_year > 8099) /* a certificate's year has four digits */
                return FAIL(PANNIER_E_INVALID, "no date for a certificate: %lld ms",
                            (long long)at_ms);
        (void)snprintf(text, sizeof(text), "%04d%02d%02d%02d%02d%02dZ", at.tm_year + 1900,
                       at.tm_mon + 1, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec);
        if (ASN1_TIME_set_string_X509(time, text) != 1)
                return library_failed(PANNIER_E_CRYPTO, "date");
        return 0;
}

static int add_text_extension(X509 *certificate, X509 *issuer, int nid, const char *text)
{
        X509V3_CTX context;
        X509_EXTENSION *extension;
        int added;

        X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
        extension =
                X509V3_EXT_conf_nid(NULL, &context, nid, text); /* text is ours, never a peer's */
        added = extension ? X509_add_ext(certificate, extension, -1) : 0;
        X509_EXTENSION_free(extension);
        return added == 1 ? 0 : library_failed(PANNIER_E_CRYPTO, text);
}

static int set_subject(X509 *certificate, const char *common_name)
{
        size_t size = strlen(common_name);

        if (!size || size > CA_NAME_MAX || !bytes_is_utf8(bytes_text(common_name)))
                return FAIL(PANNIER_E_INVALID, "a name has 1 to %d bytes of UTF-8", CA_NAME_MAX);
        if (X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                       MBSTRING_UTF8, (const unsigned char *)common_name, (int)size,
                                       -1, 0) != 1)
                return library_failed(PANNIER_E_CRYPTO, "common name");
        return 0;
}

/* What every certificate has: version 3, serial number, dates, subject, key and its identifiers. */
static int prepare(X509 *certificate, X509 *issuer, const char *common_name, EVP_PKEY *key,
                   const int64_t between_ms[2])
{
        int r;

        if (X509_set_version(certificate, X509_VERSION_3) != 1 ||
            X509_set_pubkey(certificate, key) != 1)
                return library_failed(PANNIER_E_CRYPTO, "certificate");
        r = set_serial(certificate);
        r = r < 0 ? r : set_time(X509_getm_notBefore(certificate), between_ms[0]);
        r = r < 0 ? r : set_time(X509_getm_notAfter(certificate), between_ms[1]);
        r = r < 0 ? r : set_subject(certificate, common_name);
        if (r < 0)
                return r;
        if (X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) != 1)
                return library_failed(PANNIER_E_CRYPTO, "issuer");
        r = add_text_extension(certificate, issuer, NID_subject_key_identifier, "hash");
        return r < 0 ? r
                     : add_text_extension(certificate, issuer, NID_authority_key_identifier,
                                          "keyid:always");
}

static int sign(X509 *certificate, EVP_PKEY *key, struct buffer *out)
{
        if (!X509_sign(certificate, key, EVP_sha256()))
                return library_failed(PANNIER_E_CRYPTO, "signing a certificate");
        return certificate_write(certificate, out);
}

int ca_create(const char *name, int64_t now_ms, struct buffer *ret_key, struct buffer *ret_der)
{
        CLEANUP(private_key_freep) struct private_key *key = NULL;
        CLEANUP(key_freep) EVP_PKEY *pair = NULL;
        CLEANUP(certificate_freep) X509 *certificate = X509_new();
        const int64_t between_ms[2] = {now_ms - CA_BACKDATE_MS, now_ms + CA_LIFE_AUTHORITY_MS};
        int r;

        if (!certificate)
                return FAIL(PANNIER_E_MEMORY, "certificate");
        r = private_key_generate(&key);
        r = r < 0 ? r : private_key_to_pem(key, ret_key);
        r = r < 0 ? r : key_read(buffer_view(ret_key), &pair);
        r = r < 0 ? r : prepare(certificate, certificate, name, pair, between_ms);
        r = r < 0 ? r
                  : add_text_extension(certificate, certificate, NID_basic_constraints,
                                       "critical,CA:TRUE,pathlen:0");
        r = r < 0 ? r
                  : add_text_extension(certificate, certificate, NID_key_usage,
                                       "critical,keyCertSign,cRLSign");
        return r < 0 ? r : sign(certificate, pair, ret_der);
}

int ca_open(struct bytes key_pem, struct bytes der, struct ca **ret)
{
        CLEANUP(ca_freep) struct ca *ca = calloc(1, sizeof(*ca));
        int r;

        if (!ca)
                return FAIL(PANNIER_E_MEMORY, "authority");
        r = key_read(key_pem, &ca->key);
        r = r < 0 ? r : certificate_read(der, &ca->certificate);
        if (r < 0)
                return r;
        if (X509_check_private_key(ca->certificate, ca->key) != 1)
                return library_failed(PANNIER_E_CRYPTO,
                                      "the authority's key and certificate do not belong together");
        buffer_append(&ca->der, der);
        r = buffer_check(&ca->der);
        if (r < 0)
                return r;
        *ret = TAKE(ca);
        return 0;
}

struct ca *ca_free(struct ca *ca)
{
        if (!ca)
                return NULL;
        EVP_PKEY_free(ca->key);
        X509_free(ca->certificate);
        buffer_deinit(&ca->der);
        free(ca);
        return NULL;
}

struct bytes ca_certificate(const struct ca *ca)
{
        return buffer_view(&ca->der);
}

static bool is_host_name(const char *host)
{
        size_t label = 0;

        if (!*host || strlen(host) > HOST_SIZE_MAX)
                return false;
        for (const char *c = host; *c; c++) {
                if (*c == '.' ? label == 0 : ++label > LABEL_SIZE_MAX)
                        return false;
                if (*c == '.')
                        label = 0;
                else if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                           (*c >= '0' && *c <= '9') || (*c == '-' && label > 1)))
                        return false;
        }
        return label > 0;
}

static int push_name(GENERAL_NAMES *names, int kind, struct bytes value)
{
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_STRING *text = kind == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();

        if (!name || !text || ASN1_STRING_set(text, value.data, (int)value.size) != 1) {
                GENERAL_NAME_free(name);
                ASN1_STRING_free(text);
                return FAIL(PANNIER_E_MEMORY, "subject alternative name");
        }
        GENERAL_NAME_set0_value(name, kind, text);
        if (!sk_GENERAL_NAME_push(names, name)) {
                GENERAL_NAME_free(name);
                return FAIL(PANNIER_E_MEMORY, "subject alternative name");
        }
        return 0;
}

static int push_host(GENERAL_NAMES *names, const char *host)
{
        uint8_t address[16];

        if (inet_pton(AF_INET, host, address) == 1)
                return push_name(names, GEN_IPADD, BYTES(address, 4));
        if (inet_pton(AF_INET6, host, address) == 1)
                return push_name(names, GEN_IPADD, BYTES(address, 16));
        if (!is_host_name(host))
                return FAIL(PANNIER_E_INVALID, "\"%.*s\" is neither a host name nor an address",
                            HOST_SIZE_MAX, host);
        return push_name(names, GEN_DNS, bytes_text(host));
}

static int add_names(X509 *certificate, const struct ca_wish *wish)
{
        CLEANUP(names_freep) GENERAL_NAMES *names = GENERAL_NAMES_new();
        int r = 0;

        if (!names)
                return FAIL(PANNIER_E_MEMORY, "subject alternative names");
        if (wish->profile == CA_PROFILE_DEVICE) {
                char uri[CA_URI_DEVICE_SIZE];

                ca_device_uri(&wish->device, uri);
                r = push_name(names, GEN_URI, bytes_text(uri));
        } else {
                if (!wish->host_count || wish->host_count > CA_HOST_MAX)
                        return FAIL(PANNIER_E_INVALID, "a server has 1 to %d names, not %zu",
                                    CA_HOST_MAX, wish->host_count);
                for (size_t i = 0; i < wish->host_count && !r; i++)
                        r = push_host(names, wish->hosts[i]);
        }
        if (r < 0)
                return r;
        if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) != 1)
                return library_failed(PANNIER_E_CRYPTO, "subject alternative names");
        return 0;
}

/* What the profile allows. A signing certificate is good for nothing in TLS (RFC 9336: document signing). */
static const char *profile_purpose(enum ca_profile profile)
{
        switch (profile) {
        case CA_PROFILE_SERVER:
                return "serverAuth";
        case CA_PROFILE_SIGNING:
                return "critical,1.3.6.1.5.5.7.3.36";
        case CA_PROFILE_DEVICE:
                return "clientAuth";
        }
        return NULL;
}

int ca_issue(const struct ca *ca, const struct ca_wish *wish, struct buffer *out)
{
        CLEANUP(key_freep) EVP_PKEY *key = NULL;
        CLEANUP(certificate_freep) X509 *certificate = X509_new();
        const int64_t between_ms[2] = {wish->not_before_ms, wish->not_after_ms};
        int r;

        if (!certificate)
                return FAIL(PANNIER_E_MEMORY, "certificate");
        r = key_from_point(wish->public_key, &key);
        r = r < 0 ? r : prepare(certificate, ca->certificate, wish->common_name, key, between_ms);
        r = r < 0 ? r
                  : add_text_extension(certificate, ca->certificate, NID_basic_constraints,
                                       "critical,CA:FALSE");
        r = r < 0 ? r
                  : add_text_extension(certificate, ca->certificate, NID_key_usage,
                                       "critical,digitalSignature");
        r = r < 0 ? r
                  : add_text_extension(certificate, ca->certificate, NID_ext_key_usage,
                                       profile_purpose(wish->profile));
        if (!r && wish->profile != CA_PROFILE_SIGNING)
                r = add_names(certificate, wish);
        if (r < 0)
                return r;
        if (ASN1_TIME_compare(X509_get0_notAfter(certificate),
                              X509_get0_notAfter(ca->certificate)) > 0 &&
            X509_set1_notAfter(certificate, X509_get0_notAfter(ca->certificate)) != 1)
                return library_failed(PANNIER_E_CRYPTO, "date");
        return sign(certificate, ca->key, out);
}

int ca_issued(const struct ca *ca, struct bytes der)
{
        CLEANUP(certificate_freep) X509 *certificate = NULL;
        int r = certificate_read(der, &certificate);

        if (r < 0)
                return r;
        if (X509_verify(certificate, ca->key) != 1)
                return library_failed(PANNIER_E_CRYPTO, "a certificate of another authority");
        return 0;
}

int ca_request_read(struct bytes der, uint8_t ret_public_key[PUBLIC_KEY_SIZE])
{
        CLEANUP(request_freep) X509_REQ *request = NULL;
        const uint8_t *at = der.data;
        uint8_t point[PUBLIC_KEY_SIZE];
        EVP_PKEY *key;
        int r;

        if (der.size > CA_REQUEST_MAX)
                return FAIL(PANNIER_E_LIMIT, "certificate request of %zu bytes, at most %d",
                            der.size, CA_REQUEST_MAX);
        request = der.size ? d2i_X509_REQ(NULL, &at, (long)der.size) : NULL;
        if (!request)
                return library_failed(PANNIER_E_MALFORMED, "certificate request");
        if (at != der.data + der.size)
                return FAIL(PANNIER_E_MALFORMED, "bytes behind a certificate request");
        key = X509_REQ_get0_pubkey(request);
        r = key_to_point(key, point);
        if (r < 0)
                return r;
        if (X509_REQ_verify(request, key) != 1)
                return library_failed(PANNIER_E_CRYPTO,
                                      "the request is not signed with its own key");
        memcpy(ret_public_key, point, sizeof(point));
        return 0;
}

int ca_bundle(const struct bytes *certificates, size_t count, struct buffer *out)
{
        CLEANUP(pkcs7_freep) PKCS7 *message = PKCS7_new();
        uint8_t *at;
        int size;

        if (!message || PKCS7_set_type(message, NID_pkcs7_signed) != 1 ||
            PKCS7_content_new(message, NID_pkcs7_data) != 1 || PKCS7_set_detached(message, 1) != 1)
                return library_failed(PANNIER_E_CRYPTO, "PKCS#7");
        for (size_t i = 0; i < count; i++) {
                CLEANUP(certificate_freep) X509 *certificate = NULL;
                int r = certificate_read(certificates[i], &certificate);

                if (r < 0)
                        return r;
                if (PKCS7_add_certificate(message, certificate) != 1)
                        return library_failed(PANNIER_E_CRYPTO, "PKCS#7");
        }
        size = i2d_PKCS7(message, NULL);
        if (size < 0)
                return library_failed(PANNIER_E_CRYPTO, "PKCS#7");
        at = buffer_reserve(out, (size_t)size);
        if (!at)
                return buffer_check(out);
        (void)i2d_PKCS7(message, &at);
        out->size += (size_t)size;
        return 0;
}

void ca_device_uri(const struct uuid *device, char ret[CA_URI_DEVICE_SIZE])
{
        char text[UUID_TEXT_SIZE];

        uuid_format(device, text);
        (void)snprintf(ret, CA_URI_DEVICE_SIZE, "%s%s", uri_prefix, text);
}

int ca_device_from_uri(const char *uri, struct uuid *ret)
{
        const size_t prefix = sizeof(uri_prefix) - 1;

        if (strncmp(uri, uri_prefix, prefix) != 0)
                return FAIL(PANNIER_E_INVALID, "the URI does not name a device");
        return uuid_parse(bytes_text(uri + prefix), ret);
}
