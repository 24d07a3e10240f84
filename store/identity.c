#include "store/identity.h"

#include "common/error.h"
#include "common/file.h"
#include "store/layout.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_SEAL_KEY = 1 }; /* its id; others come with their exchange for newer ones */

static int read_whole(const char *data, enum layout_file file, struct buffer *out)
{
        char path[LAYOUT_PATH_MAX];
        int r = layout_path(data, file, path);

        return r < 0 ? r : file_read(path, IDENTITY_FILE_MAX, out);
}

static int write_whole(const char *data, enum layout_file file, struct bytes content)
{
        char path[LAYOUT_PATH_MAX];
        int r = layout_path(data, file, path);

        return r < 0 ? r : file_write(path, content, 0600);
}

static bool there(const char *data, enum layout_file file)
{
        char path[LAYOUT_PATH_MAX];

        return layout_path(data, file, path) == 0 && access(path, F_OK) == 0;
}

static int read_certificate(const char *data, enum layout_file file, struct buffer *out)
{
        CLEANUP(buffer_deinit) struct buffer pem = BUFFER_INIT;
        int r = read_whole(data, file, &pem);

        return r < 0 ? r : crypto_pem_decode(buffer_view(&pem), "CERTIFICATE", out);
}

static int write_certificate(const char *data, enum layout_file file, struct bytes der)
{
        CLEANUP(buffer_deinit) struct buffer pem = BUFFER_INIT;
        int r;

        crypto_pem_encode(der, "CERTIFICATE", &pem);
        r = buffer_check(&pem);
        return r < 0 ? r : write_whole(data, file, buffer_view(&pem));
}

static int make_authority(const char *data, const char *name, int64_t now_ms)
{
        CLEANUP(buffer_wipe) struct buffer key = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        int r;

        if (there(data, LAYOUT_CA_CERTIFICATE))
                return 0;
        r = ca_create(name, now_ms, &key, &der);
        r = r < 0 ? r : write_whole(data, LAYOUT_CA_KEY, buffer_view(&key));
        return r < 0 ? r : write_certificate(data, LAYOUT_CA_CERTIFICATE, buffer_view(&der));
}

static int open_authority(const char *data, struct ca **ret)
{
        CLEANUP(buffer_wipe) struct buffer key = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        int r = read_whole(data, LAYOUT_CA_KEY, &key);

        r = r < 0 ? r : read_certificate(data, LAYOUT_CA_CERTIFICATE, &der);
        return r < 0 ? r : ca_open(buffer_view(&key), buffer_view(&der), ret);
}

static int certify(const char *data, const struct ca *ca, const struct private_key *key,
                   const struct ca_wish *wish, enum layout_file file)
{
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        struct ca_wish of_key = *wish;
        uint8_t point[PUBLIC_KEY_SIZE];
        int r;

        private_key_public(key, point);
        of_key.public_key = point;
        r = ca_issue(ca, &of_key, &der);
        return r < 0 ? r : write_certificate(data, file, buffer_view(&der));
}

static int make_key(const char *data, enum layout_file file, struct private_key **ret)
{
        CLEANUP(private_key_freep) struct private_key *key = NULL;
        CLEANUP(buffer_wipe) struct buffer pem = BUFFER_INIT;
        int r = private_key_generate(&key);

        r = r < 0 ? r : private_key_to_pem(key, &pem);
        r = r < 0 ? r : write_whole(data, file, buffer_view(&pem));
        if (r < 0)
                return r;
        *ret = TAKE(key);
        return 0;
}

static int certify_server(const char *data, const struct ca *ca, const struct private_key *key,
                          const char *const *hosts, size_t host_count, int64_t now_ms)
{
        struct ca_wish wish = {.profile = CA_PROFILE_SERVER,
                               .hosts = hosts,
                               .host_count = host_count,
                               .not_before_ms = now_ms - CA_BACKDATE_MS,
                               .not_after_ms = now_ms + CA_LIFE_SERVER_MS};
        char name[CA_NAME_MAX + 1];

        (void)snprintf(name, sizeof(name), "%s", host_count ? hosts[0] : "");
        wish.common_name = name;
        return certify(data, ca, key, &wish, LAYOUT_SERVER_CERTIFICATE);
}

static int make_server(const char *data, const struct ca *ca, const char *const *hosts,
                       size_t host_count, int64_t now_ms)
{
        CLEANUP(private_key_freep) struct private_key *key = NULL;
        int r = make_key(data, LAYOUT_SERVER_KEY, &key);

        return r < 0 ? r : certify_server(data, ca, key, hosts, host_count, now_ms);
}

static int make_signing(const char *data, const struct ca *ca, const char *name, int64_t now_ms)
{
        CLEANUP(private_key_freep) struct private_key *key = NULL;
        struct ca_wish wish = {.profile = CA_PROFILE_SIGNING,
                               .common_name = name,
                               .not_before_ms = now_ms - CA_BACKDATE_MS,
                               .not_after_ms = now_ms + CA_LIFE_SIGNING_MS};
        int r = make_key(data, LAYOUT_SIGNING_KEY, &key);

        return r < 0 ? r : certify(data, ca, key, &wish, LAYOUT_SIGNING_CERTIFICATE);
}

int identity_add_seal_key(const char *data)
{
        CLEANUP(private_key_freep) struct private_key *key = NULL;

        return there(data, LAYOUT_SEAL_KEY) ? 0 : make_key(data, LAYOUT_SEAL_KEY, &key);
}

int identity_make(const char *data, const char *name, const char *const *hosts, size_t host_count,
                  int64_t now_ms)
{
        CLEANUP(ca_freep) struct ca *ca = NULL;
        int r = make_authority(data, name, now_ms);

        r = r < 0 ? r : open_authority(data, &ca);
        if (!r && !there(data, LAYOUT_SERVER_CERTIFICATE))
                r = make_server(data, ca, hosts, host_count, now_ms);
        if (!r && !there(data, LAYOUT_SIGNING_CERTIFICATE))
                r = make_signing(data, ca, name, now_ms);
        return r < 0 ? r : identity_add_seal_key(data);
}

static int load_server(const char *data, struct store_identity *identity)
{
        struct certificate_facts facts;
        int r = read_whole(data, LAYOUT_SERVER_KEY, &identity->server_key);

        r = r < 0 ? r : read_certificate(data, LAYOUT_SERVER_CERTIFICATE, &identity->server_der);
        r = r < 0 ? r : crypto_certificate_read(buffer_view(&identity->server_der), &facts);
        if (r < 0)
                return r;
        identity->server_until_ms = facts.not_after_ms;
        return 0;
}

static int load_signing(const char *data, struct store_identity *identity)
{
        CLEANUP(buffer_wipe) struct buffer pem = BUFFER_INIT;
        struct certificate_facts facts;
        uint8_t point[PUBLIC_KEY_SIZE];
        int r = read_whole(data, LAYOUT_SIGNING_KEY, &pem);

        r = r < 0 ? r : private_key_from_pem(buffer_view(&pem), &identity->signing_key);
        r = r < 0 ? r : read_certificate(data, LAYOUT_SIGNING_CERTIFICATE, &identity->signing_der);
        r = r < 0 ? r : crypto_certificate_read(buffer_view(&identity->signing_der), &facts);
        if (r < 0)
                return r;
        private_key_public(identity->signing_key, point);
        if (memcmp(point, facts.public_key, sizeof(point)) != 0)
                return FAIL(PANNIER_E_CRYPTO, "signing.key and signing.pem do not belong together");
        return ca_issued(identity->ca, buffer_view(&identity->signing_der));
}

/* Who trusts the signing key trusts the seal key: it needs no certificate of its own. */
static int load_seal(const char *data, struct store_identity *identity)
{
        CLEANUP(buffer_wipe) struct buffer pem = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;
        int r;

        if (!there(data, LAYOUT_SEAL_KEY))
                return 0;
        r = read_whole(data, LAYOUT_SEAL_KEY, &pem);
        r = r < 0 ? r : private_key_from_pem(buffer_view(&pem), &identity->seal_key);
        if (r < 0)
                return r;
        identity->seal.id = FIRST_SEAL_KEY;
        private_key_public(identity->seal_key, identity->seal.point);
        wire_seal_key_message(&identity->seal, &message);
        r = buffer_check(&message);
        return r < 0 ? r
                     : private_key_sign(identity->signing_key, buffer_view(&message),
                                        identity->seal.signature);
}

int identity_load(const char *data, struct store_identity **ret)
{
        CLEANUP(store_identity_freep)
        struct store_identity *identity = calloc(1, sizeof(*identity));
        int r;

        if (!identity)
                return FAIL(PANNIER_E_MEMORY, "identity");
        r = open_authority(data, &identity->ca);
        r = r < 0 ? r : load_server(data, identity);
        r = r < 0 ? r : load_signing(data, identity);
        r = r < 0 ? r : load_seal(data, identity);
        if (r < 0)
                return r;
        *ret = TAKE(identity);
        return 0;
}

struct store_identity *store_identity_free(struct store_identity *identity)
{
        if (!identity)
                return NULL;
        (void)ca_free(identity->ca);
        (void)private_key_free(identity->signing_key);
        (void)private_key_free(identity->seal_key);
        buffer_deinit(&identity->signing_der);
        buffer_wipe(&identity->server_key);
        buffer_deinit(&identity->server_der);
        free(identity);
        return NULL;
}

struct wire_trust identity_trust(const struct store_identity *identity)
{
        struct wire_trust trust = {.version = 1,
                                   .ca = ca_certificate(identity->ca),
                                   .signing = buffer_view(&identity->signing_der)};

        if (identity->seal_key) {
                trust.version += identity->seal.id;
                trust.seal_keys = &identity->seal;
                trust.seal_keys_count = 1;
        }
        return trust;
}

struct tls_identity identity_tls(const struct store_identity *identity)
{
        return (struct tls_identity){.authority = ca_certificate(identity->ca),
                                     .certificate = buffer_view(&identity->server_der),
                                     .key_pem = buffer_view(&identity->server_key)};
}

int identity_renew_server(const char *data, const struct store_identity *identity,
                          const char *const *hosts, size_t host_count, int64_t now_ms)
{
        CLEANUP(private_key_freep) struct private_key *key = NULL;
        int r;

        if (identity->server_until_ms - now_ms > CA_LIFE_SERVER_MS / 3)
                return 0;
        /* The key stays: so one file is replaced, and no crash can leave two that do not fit. */
        r = private_key_from_pem(buffer_view(&identity->server_key), &key);
        r = r < 0 ? r : certify_server(data, identity->ca, key, hosts, host_count, now_ms);
        return r < 0 ? r : 1;
}

void identity_fingerprint(const struct store_identity *identity, uint8_t ret[HASH_SIZE])
{
        crypto_sha256(ca_certificate(identity->ca), ret);
}
