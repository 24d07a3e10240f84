#include "daemon/enrol_identity.h"

#include "common/error.h"
#include "common/file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX = 64 << 10 };

static const char device_uri[] = "urn:pannier:device:";

void identity_path(const struct identity *identity, const char *name,
                   char ret[IDENTITY_PATH_MAX + 16])
{
        (void)snprintf(ret, IDENTITY_PATH_MAX + 16, "%s/%.15s", identity->folder, name);
}

/* 1 read, 0 there is no such file. */
static int read_file(const char *path, struct buffer *out)
{
        int r;

        buffer_reset(out);
        r = file_read(path, FILE_MAX, out);
        return r == PANNIER_E_NOT_FOUND ? 0 : r < 0 ? r : 1;
}

static int take_folder(struct identity *identity)
{
        char path[IDENTITY_PATH_MAX + 16];
        int r = file_make_folder(identity->folder, 0700);

        identity_path(identity, "lock", path);
        if (r >= 0)
                r = file_lock(path, &identity->lock);
        if (r == PANNIER_E_BUSY)
                return FAIL(r, "another pannierd works on %s", identity->folder);
        return r;
}

static int load_caseload(struct identity *identity)
{
        CLEANUP(buffer_wipe) struct buffer content = BUFFER_INIT;
        char path[IDENTITY_PATH_MAX + 16];
        int r;

        identity_path(identity, "caseload.key", path);
        r = read_file(path, &content);
        if (r < 0)
                return r;
        if (r == 0) {
                crypto_random(identity->caseload, sizeof(identity->caseload));
                return file_write(path, BYTES(identity->caseload, sizeof(identity->caseload)),
                                  0600);
        }
        if (content.size != sizeof(identity->caseload))
                return FAIL(PANNIER_E_CORRUPT, "%s does not have %zu bytes", path,
                            sizeof(identity->caseload));
        (void)memcpy(identity->caseload, content.data, content.size);
        return 0;
}

static int load_key(struct identity *identity)
{
        CLEANUP(buffer_wipe) struct buffer content = BUFFER_INIT;
        int r = read_file(identity->key_path, &content);

        return r <= 0 ? r : private_key_from_pem(buffer_view(&content), &identity->key);
}

/* The certificate's facts, where it is for our key; else nothing. */
static int read_certificate(const struct identity *identity, struct bytes der,
                            struct certificate_facts *ret, struct uuid *ret_device)
{
        uint8_t ours[PUBLIC_KEY_SIZE];
        int r = crypto_certificate_read(der, ret);

        if (r < 0)
                return r;
        private_key_public(identity->key, ours);
        if (memcmp(ours, ret->public_key, sizeof(ours)) != 0)
                return FAIL(PANNIER_E_CRYPTO, "the certificate is not for this device's key");
        if (strncmp(ret->uri, device_uri, sizeof(device_uri) - 1) != 0 ||
            uuid_parse(bytes_text(ret->uri + sizeof(device_uri) - 1), ret_device) < 0)
                return FAIL(PANNIER_E_CRYPTO, "the certificate does not name a device");
        return 0;
}

static int load_pem(const char *path, struct buffer *out)
{
        CLEANUP(buffer_deinit) struct buffer pem = BUFFER_INIT;
        int r = read_file(path, &pem);

        if (r == 0)
                return FAIL(PANNIER_E_CORRUPT, "%s is missing; the device must be enrolled again",
                            path);
        buffer_reset(out);
        return r < 0 ? r : crypto_pem_decode(buffer_view(&pem), "CERTIFICATE", out);
}

static int load_enrolment(struct identity *identity)
{
        CLEANUP(buffer_deinit) struct buffer url = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer certificate = BUFFER_INIT;
        char path[IDENTITY_PATH_MAX + 16];
        int r;

        identity_path(identity, "store", path);
        r = read_file(path, &url);
        if (r <= 0)
                return r;
        while (url.size && url.data[url.size - 1] == '\n')
                url.size--;
        if (!identity->key || url.size == 0 || url.size >= sizeof(identity->url))
                return FAIL(PANNIER_E_CORRUPT,
                            "%s has lost its key or the store's address; enrol it again",
                            identity->folder);
        (void)memcpy(identity->url, url.data, url.size);
        identity->url[url.size] = 0;
        r = load_pem(identity->authority_path, &identity->authority);
        if (r >= 0)
                r = load_pem(identity->certificate_path, &certificate);
        if (r >= 0)
                r = read_certificate(identity, buffer_view(&certificate), &identity->certificate,
                                     &identity->device);
        if (r < 0)
                return r;
        identity->enrolled = true;
        return 0;
}

int identity_open(const char *folder, struct identity **ret)
{
        CLEANUP(identity_freep) struct identity *identity = calloc(1, sizeof(*identity));
        int r;

        if (!identity)
                return FAIL(PANNIER_E_MEMORY, "no memory for the device's identity");
        identity->lock = -1;
        if (strlen(folder) >= sizeof(identity->folder))
                return FAIL(PANNIER_E_INVALID, "the state folder's path is too long");
        (void)snprintf(identity->folder, sizeof(identity->folder), "%s", folder);
        identity_path(identity, "device.key", identity->key_path);
        identity_path(identity, "device.pem", identity->certificate_path);
        identity_path(identity, "ca.pem", identity->authority_path);
        identity_path(identity, "ca.pending", identity->pending_path);
        r = take_folder(identity);
        if (r >= 0)
                r = load_caseload(identity);
        if (r >= 0)
                r = load_key(identity);
        if (r >= 0)
                r = load_enrolment(identity);
        if (r < 0)
                return r;
        *ret = TAKE(identity);
        return 0;
}

struct identity *identity_free(struct identity *identity)
{
        if (!identity)
                return NULL;
        if (identity->lock >= 0)
                file_unlock(identity->lock);
        (void)private_key_free(identity->key);
        buffer_deinit(&identity->authority);
        crypto_wipe(identity->caseload, sizeof(identity->caseload));
        free(identity);
        return NULL;
}

int identity_make_key(struct identity *identity)
{
        CLEANUP(buffer_wipe) struct buffer pem = BUFFER_INIT;
        CLEANUP(private_key_freep) struct private_key *key = NULL;
        int r;

        if (identity->key)
                return 0;
        r = private_key_generate(&key);
        if (r >= 0)
                r = private_key_to_pem(key, &pem);
        if (r >= 0)
                r = buffer_check(&pem);
        if (r >= 0)
                r = file_write(identity->key_path, buffer_view(&pem), 0600);
        if (r < 0)
                return r;
        identity->key = TAKE(key);
        return 0;
}

static int write_pem(const char *path, struct bytes der)
{
        CLEANUP(buffer_deinit) struct buffer pem = BUFFER_INIT;

        crypto_pem_encode(der, "CERTIFICATE", &pem);
        int r = buffer_check(&pem);
        return r < 0 ? r : file_write(path, buffer_view(&pem), 0600);
}

int identity_pend_authority(struct identity *identity, struct bytes der)
{
        return write_pem(identity->pending_path, der);
}

int identity_enrol(struct identity *identity, const char *url, struct bytes authority,
                   struct bytes certificate)
{
        CLEANUP(buffer_deinit) struct buffer line = BUFFER_INIT;
        struct certificate_facts facts;
        char path[IDENTITY_PATH_MAX + 16];
        struct uuid device;
        int r;

        r = read_certificate(identity, certificate, &facts, &device);
        if (r < 0)
                return r;
        if (identity->enrolled && !uuid_equal(&device, &identity->device))
                return FAIL(PANNIER_E_TAKEN,
                            "this machine is already another device, whose unsent work lies here");
        identity_path(identity, "store", path);
        buffer_append_format(&line, "%s\n", url);
        r = buffer_check(&line);
        if (r >= 0)
                r = write_pem(identity->authority_path, authority);
        if (r >= 0)
                r = write_pem(identity->certificate_path, certificate);
        if (r >= 0)
                r = file_write(path, buffer_view(&line), 0600);
        if (r < 0)
                return r;
        (void)unlink(identity->pending_path);
        buffer_reset(&identity->authority);
        buffer_append(&identity->authority, authority);
        (void)snprintf(identity->url, sizeof(identity->url), "%s", url);
        identity->certificate = facts;
        identity->device = device;
        identity->enrolled = true;
        return buffer_check(&identity->authority);
}

int identity_renew(struct identity *identity, struct bytes certificate)
{
        struct certificate_facts facts;
        struct uuid device;
        int r = read_certificate(identity, certificate, &facts, &device);

        if (r < 0)
                return r;
        if (!uuid_equal(&device, &identity->device))
                return FAIL(PANNIER_E_TAKEN, "the new certificate names another device");
        r = write_pem(identity->certificate_path, certificate);
        if (r < 0)
                return r;
        identity->certificate = facts;
        return 0;
}
