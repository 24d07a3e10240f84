#include "store/enrolment.h"

#include "common/error.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Without I, L, O, U: nothing that is mistaken for another, and no word by accident. */
static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

enum { CODE_DIGITS = ENROLMENT_CODE_BITS / 5, GROUP = 4 };

void enrolment_code_text(const uint8_t random[ENROLMENT_CODE_BITS / 8],
                         char ret[ENROLMENT_CODE_SIZE])
{
        size_t at = 0;

        for (size_t i = 0; i < CODE_DIGITS; i++) {
                size_t bit = i * 5;
                unsigned pair = (unsigned)random[bit / 8] << 8;

                pair |= bit / 8 + 1 < ENROLMENT_CODE_BITS / 8 ? random[bit / 8 + 1] : 0;
                if (i && i % GROUP == 0)
                        ret[at++] = '-';
                ret[at++] = digits[pair >> (11 - bit % 8) & 31];
        }
        ret[at] = '\0';
}

static char canonical(char typed)
{
        char c = (char)toupper((unsigned char)typed);

        if (c == 'O')
                return '0';
        if (c == 'I' || c == 'L')
                return '1';
        return c;
}

int enrolment_code_hash(struct bytes text, uint8_t ret[HASH_SIZE])
{
        char code[CODE_DIGITS];
        size_t count = 0;

        if (text.size > ENROLMENT_CODE_TEXT_MAX)
                return FAIL(PANNIER_E_INVALID, "an enrolment code has %d characters", CODE_DIGITS);
        for (size_t i = 0; i < text.size; i++) {
                char c = canonical((char)text.data[i]);

                if (c == '-' || c == ' ')
                        continue;
                if (!c || !strchr(digits, c) || count == CODE_DIGITS)
                        return FAIL(PANNIER_E_INVALID, "not an enrolment code");
                code[count++] = c;
        }
        if (count != CODE_DIGITS)
                return FAIL(PANNIER_E_INVALID, "not an enrolment code");
        crypto_sha256(BYTES(code, sizeof(code)), ret);
        crypto_wipe(code, sizeof(code));
        return 0;
}

int enrolment_link(const char *host, uint16_t port, const char *code,
                   const uint8_t fingerprint[HASH_SIZE], char ret[ENROLMENT_LINK_SIZE])
{
        bool bare_ipv6 = strchr(host, ':') && host[0] != '[';
        char hex[2 * HASH_SIZE + 1];
        int size;

        for (size_t i = 0; i < HASH_SIZE; i++)
                (void)snprintf(hex + 2 * i, 3, "%02x", (unsigned)fingerprint[i]);
        size = snprintf(ret, ENROLMENT_LINK_SIZE, "pannier://%s%s%s:%u/%s?ca=%s",
                        bare_ipv6 ? "[" : "", host, bare_ipv6 ? "]" : "", port, code, hex);
        if (size < 0 || size >= ENROLMENT_LINK_SIZE)
                return FAIL(PANNIER_E_LIMIT, "the enrolment link is too long");
        return 0;
}

static bool key_is_set(const uint8_t key[PUBLIC_KEY_SIZE])
{
        return key[0] != 0; /* an uncompressed point begins with 4 */
}

/* A certificate for what the row says, and the row with it. */
static int certify(const struct ca *ca, struct device_row *row, int64_t now_ms, struct buffer *out)
{
        const struct ca_wish wish = {
                .profile = CA_PROFILE_DEVICE,
                .common_name = row->name,
                .device = row->id,
                .public_key = row->public_key,
                .not_before_ms = now_ms - CA_BACKDATE_MS,
                .not_after_ms = now_ms + CA_LIFE_DEVICE_MS,
        };
        size_t before = out->size;
        int r = ca_issue(ca, &wish, out);

        if (r < 0)
                return r;
        crypto_sha256(BYTES(out->data + before, out->size - before), row->certificate);
        row->not_after_ms = wish.not_after_ms;
        return 0;
}

/* Inside of a write transaction: the code's device, if this key may have its certificate. */
static int code_device(struct storage *storage, const uint8_t hash[HASH_SIZE],
                       const uint8_t public_key[PUBLIC_KEY_SIZE], int64_t now_ms,
                       struct device_row *ret)
{
        uint8_t used_by[PUBLIC_KEY_SIZE];
        struct uuid device;
        int64_t expires_ms;
        int r = storage->ops->code_get(storage, hash, &device, &expires_ms, used_by);

        if (r < 0)
                return r;
        if (r == 0)
                return FAIL(PANNIER_E_REFUSED, "no such enrolment code");
        if (now_ms >= expires_ms)
                return FAIL(PANNIER_E_REFUSED, "the enrolment code has expired");
        if (key_is_set(used_by) && memcmp(used_by, public_key, PUBLIC_KEY_SIZE) != 0)
                return FAIL(PANNIER_E_REFUSED, "the enrolment code was used by another key");
        r = storage->ops->device_get(storage, &device, ret);
        if (r < 0)
                return r;
        if (r == 0 || ret->state == DEVICE_REVOKED)
                return FAIL(PANNIER_E_REFUSED, "the enrolment code's device is revoked");
        if (key_is_set(used_by) && ret->seen_ms > ret->enrolled_ms)
                return FAIL(PANNIER_E_REFUSED, "the device has enrolled and exchanged already");
        return 0;
}

static int take_code(struct storage *storage, const struct ca *ca, const uint8_t hash[HASH_SIZE],
                     const uint8_t public_key[PUBLIC_KEY_SIZE], int64_t now_ms,
                     struct device_row *row, struct buffer *out)
{
        int r = code_device(storage, hash, public_key, now_ms, row);

        if (r < 0)
                return r;
        memcpy(row->public_key, public_key, PUBLIC_KEY_SIZE);
        row->state = DEVICE_ACTIVE;
        row->enrolled_ms = now_ms;
        r = certify(ca, row, now_ms, out);
        r = r < 0 ? r : storage->ops->code_use(storage, hash, public_key);
        return r < 0 ? r : storage->ops->device_put(storage, row);
}

/* A locality that another process added since is learnt outside of a transaction only. */
static int know(void *context, const struct uuid *locality)
{
        (void)context, (void)locality;
        return 0;
}

int enrolment_first(struct storage *storage, const struct ca *ca, struct bytes code,
                    const uint8_t public_key[PUBLIC_KEY_SIZE], int64_t now_ms, struct buffer *out,
                    struct uuid *ret_device)
{
        struct device_row row;
        uint8_t hash[HASH_SIZE];
        int r = enrolment_code_hash(code, hash);

        if (r < 0)
                return FAIL(PANNIER_E_REFUSED, "not an enrolment code");
        r = storage->ops->localities(storage, know, NULL);
        r = r < 0 ? r : storage->ops->begin(storage, NULL, 0);
        if (r < 0)
                return r;
        r = take_code(storage, ca, hash, public_key, now_ms, &row, out);
        r = storage_end(storage, r);
        if (r < 0)
                return r;
        *ret_device = row.id;
        return 0;
}

static int judge_device(const struct device_row *row, const struct tls_peer *peer)
{
        if (row->state == DEVICE_REVOKED)
                return FAIL(PANNIER_E_REFUSED, "the device is revoked");
        if (!key_is_set(row->public_key) ||
            memcmp(row->public_key, peer->public_key, PUBLIC_KEY_SIZE) != 0)
                return FAIL(PANNIER_E_REFUSED, "the certificate is not of the device's key");
        return 0;
}

int enrolment_device(struct storage *storage, const struct tls_peer *peer, int64_t now_ms,
                     int64_t late_ms, struct device_row *ret)
{
        struct device_row row;
        int r;

        if (peer->kind != TLS_PEER_DEVICE)
                return FAIL(PANNIER_E_REFUSED, "no device's certificate");
        if (now_ms < peer->not_before_ms || now_ms > peer->not_after_ms + late_ms)
                return FAIL(PANNIER_E_REFUSED, "the certificate is not valid now");
        r = storage->ops->device_get(storage, &peer->device, &row);
        if (r > 0 && uuid_is_none(&row.locality)) {
                r = storage->ops->localities(storage, know, NULL);
                r = r < 0 ? r : storage->ops->device_get(storage, &peer->device, &row);
        }
        if (r < 0)
                return r;
        if (r == 0)
                return FAIL(PANNIER_E_REFUSED, "no such device");
        r = judge_device(&row, peer);
        if (r < 0)
                return r;
        *ret = row;
        return 0;
}

int enrolment_again(struct storage *storage, const struct ca *ca, const struct tls_peer *peer,
                    const uint8_t public_key[PUBLIC_KEY_SIZE], int64_t now_ms, struct buffer *out)
{
        struct device_row row;
        int r = storage->ops->localities(storage, know, NULL);

        r = r < 0 ? r : storage->ops->begin(storage, NULL, 0);
        if (r < 0)
                return r;
        r = enrolment_device(storage, peer, now_ms, ENROLMENT_GRACE_MS, &row);
        if (!r && memcmp(public_key, row.public_key, PUBLIC_KEY_SIZE) != 0)
                r = FAIL(PANNIER_E_REFUSED, "another key: it needs a new enrolment code");
        r = r < 0 ? r : certify(ca, &row, now_ms, out);
        r = r < 0 ? r : storage->ops->device_put(storage, &row);
        return storage_end(storage, r);
}
