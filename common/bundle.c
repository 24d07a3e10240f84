#include "common/bundle.h"

#include "common/error.h"
#include "common/hkdf.h"

#include <string.h>

static const char purpose[] = "pannier bundle 1";
static const char reply_purpose[] = "pannier bundle receipts";
static const char magic[] = "PANNIER-BUNDLE ";
static const char version[] = "1\n";

/* ---- what is covered ---- */

void bundle_key(const uint8_t point[PUBLIC_KEY_SIZE], uint8_t ret[HASH_SIZE])
{
        crypto_sha256(BYTES(point, PUBLIC_KEY_SIZE), ret);
}

/* bundle-head: everything of the message but what is sealed, so that no word of it can be exchanged */
static void put_head(const struct wire_bundle *bundle, struct buffer *out)
{
        cbor_put_array(out, 7);
        cbor_put_uint(out, WIRE_KIND_BUNDLE);
        cbor_put_uuid(out, &bundle->device);
        cbor_put_uuid(out, &bundle->bundle);
        cbor_put_uint(out, bundle->part);
        cbor_put_bool(out, bundle->last);
        cbor_put_bytes(out, BYTES(bundle->key, sizeof(bundle->key)));
        cbor_put_bytes(out, BYTES(bundle->encapsulated, sizeof(bundle->encapsulated)));
}

static void put_receipts_head(const struct wire_bundle_receipts *receipts, struct buffer *out)
{
        cbor_put_array(out, 5);
        cbor_put_uint(out, WIRE_KIND_BUNDLE_RECEIPTS);
        cbor_put_uuid(out, &receipts->device);
        cbor_put_uuid(out, &receipts->bundle);
        cbor_put_uint(out, receipts->part);
        cbor_put_bytes(out, BYTES(receipts->nonce, sizeof(receipts->nonce)));
}

void bundle_signed_message(const struct bundle_name *name,
                           const uint8_t seal_point[PUBLIC_KEY_SIZE], struct bytes body,
                           struct buffer *out)
{
        uint8_t hash[HASH_SIZE];

        crypto_sha256(body, hash);
        cbor_put_array(out, 7);
        cbor_put_text(out, bytes_text("bundle"));
        cbor_put_uuid(out, &name->device);
        cbor_put_uuid(out, &name->bundle);
        cbor_put_uint(out, name->part);
        cbor_put_bool(out, name->last);
        cbor_put_bytes(out, BYTES(seal_point, PUBLIC_KEY_SIZE));
        cbor_put_bytes(out, BYTES(hash, sizeof(hash)));
}

/* ---- up ---- */

int bundle_sender_init(struct bundle_sender *sender, const struct uuid *device,
                       const struct uuid *bundle, const uint8_t point[PUBLIC_KEY_SIZE],
                       const uint8_t seed[HPKE_SEED_SIZE])
{
        *sender = (struct bundle_sender){.device = *device, .bundle = *bundle};
        memcpy(sender->point, point, PUBLIC_KEY_SIZE);
        return hpke_sender(point, bytes_text(purpose), seed, sender->encapsulated, &sender->hpke);
}

void bundle_sender_wipe(struct bundle_sender *sender)
{
        crypto_wipe(sender, sizeof(*sender));
}

void bundle_secret(const struct bundle_sender *sender, uint8_t ret[BUNDLE_SECRET_SIZE])
{
        hpke_export(&sender->hpke, bytes_text(reply_purpose), ret);
}

static int sign(const struct bundle_name *name, const struct private_key *key,
                const uint8_t seal_point[PUBLIC_KEY_SIZE], struct bytes body,
                uint8_t ret[SIGNATURE_SIZE])
{
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;
        int r;

        bundle_signed_message(name, seal_point, body, &message);
        r = buffer_check(&message);
        return r < 0 ? r : private_key_sign(key, buffer_view(&message), ret);
}

int bundle_put(const struct bundle_sender *sender, const struct private_key *device_key,
               uint32_t part, bool last, struct bytes body, struct buffer *out)
{
        CLEANUP(buffer_wipe) struct buffer clear = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer head = BUFFER_INIT, sealed = BUFFER_INIT;
        const struct bundle_name name = {sender->device, sender->bundle, part, last};
        struct wire_bundle bundle = {
                .device = name.device, .bundle = name.bundle, .part = part, .last = last};
        uint8_t signature[SIGNATURE_SIZE];
        int r;

        if (part >= WIRE_BUNDLE_PARTS_MAX)
                return FAIL(PANNIER_E_LIMIT, "a bundle has at most %d parts",
                            WIRE_BUNDLE_PARTS_MAX);
        bundle_key(sender->point, bundle.key);
        memcpy(bundle.encapsulated, sender->encapsulated, sizeof(bundle.encapsulated));
        put_head(&bundle, &head);
        r = sign(&name, device_key, sender->point, body, signature);
        if (r < 0)
                return r;
        buffer_append(&clear, BYTES(signature, sizeof(signature)));
        buffer_append(&clear, body);
        r = buffer_check(&clear);
        if (r == 0)
                r = buffer_check(&head);
        if (r == 0)
                r = hpke_seal(&sender->hpke, part, buffer_view(&head), buffer_view(&clear),
                              &sealed);
        if (r < 0)
                return r;
        bundle.sealed = buffer_view(&sealed);
        wire_put_bundle(&bundle, out);
        return buffer_check(out);
}

void bundle_reply_wipe(struct bundle_reply *reply)
{
        crypto_wipe(reply, sizeof(*reply));
}

static int check_signature(const struct wire_bundle *bundle, const struct private_key *seal_key,
                           const struct public_key *device_key, struct bytes clear)
{
        CLEANUP(buffer_deinit) struct buffer message = BUFFER_INIT;
        const struct bundle_name name = {bundle->device, bundle->bundle, bundle->part,
                                         bundle->last};
        uint8_t point[PUBLIC_KEY_SIZE];
        int r;

        if (clear.size < SIGNATURE_SIZE)
                return FAIL(PANNIER_E_CRYPTO, "nobody has signed what is in the bundle");
        private_key_public(seal_key, point);
        bundle_signed_message(&name, point,
                              BYTES(clear.data + SIGNATURE_SIZE, clear.size - SIGNATURE_SIZE),
                              &message);
        r = buffer_check(&message);
        return r < 0 ? r : public_key_verify(device_key, buffer_view(&message), clear.data);
}

int bundle_open(const struct wire_bundle *bundle, const struct private_key *seal_key,
                const struct public_key *device_key, struct buffer *out, struct bundle_reply *ret)
{
        CLEANUP(buffer_deinit) struct buffer head = BUFFER_INIT;
        CLEANUP(buffer_wipe) struct buffer clear = BUFFER_INIT;
        CLEANUP(hpke_wipe) struct hpke hpke = {0};
        int r;

        put_head(bundle, &head);
        r = buffer_check(&head);
        if (r == 0)
                r = hpke_receiver(seal_key, bundle->encapsulated, bytes_text(purpose), &hpke);
        if (r == 0)
                r = hpke_open(&hpke, bundle->part, buffer_view(&head), bundle->sealed, &clear);
        if (r == 0)
                r = check_signature(bundle, seal_key, device_key, buffer_view(&clear));
        if (r < 0)
                return r;
        buffer_append(out, BYTES(clear.data + SIGNATURE_SIZE, clear.size - SIGNATURE_SIZE));
        *ret = (struct bundle_reply){
                .name = {bundle->device, bundle->bundle, bundle->part, bundle->last}};
        memcpy(ret->encapsulated, bundle->encapsulated, sizeof(ret->encapsulated));
        hpke_export(&hpke, bytes_text(reply_purpose), ret->secret);
        return buffer_check(out);
}

/* ---- back ---- */

struct reply_key {
        uint8_t key[AEAD_KEY_SIZE];
        uint8_t nonce[AEAD_NONCE_SIZE];
};

static void reply_key_wipe(struct reply_key *key)
{
        crypto_wipe(key, sizeof(*key));
}

static void derive_reply(const uint8_t encapsulated[HPKE_ENCAPSULATED_SIZE],
                         const uint8_t nonce[WIRE_BUNDLE_NONCE_SIZE],
                         const uint8_t secret[BUNDLE_SECRET_SIZE], struct reply_key *ret)
{
        uint8_t salt[HPKE_ENCAPSULATED_SIZE + WIRE_BUNDLE_NONCE_SIZE], extracted[HASH_SIZE];
        const struct bytes given = BYTES(secret, BUNDLE_SECRET_SIZE), for_key = bytes_text("key"),
                           for_nonce = bytes_text("nonce");

        memcpy(salt, encapsulated, HPKE_ENCAPSULATED_SIZE);
        memcpy(salt + HPKE_ENCAPSULATED_SIZE, nonce, WIRE_BUNDLE_NONCE_SIZE);
        hkdf_extract(BYTES(salt, sizeof(salt)), &given, 1, extracted);
        hkdf_expand(extracted, &for_key, 1, ret->key, sizeof(ret->key));
        hkdf_expand(extracted, &for_nonce, 1, ret->nonce, sizeof(ret->nonce));
        crypto_wipe(extracted, sizeof(extracted));
}

int bundle_receipts_put(const struct bundle_reply *reply,
                        const uint8_t nonce[WIRE_BUNDLE_NONCE_SIZE], struct bytes answer,
                        struct buffer *out)
{
        CLEANUP(buffer_deinit) struct buffer head = BUFFER_INIT, sealed = BUFFER_INIT;
        CLEANUP(reply_key_wipe) struct reply_key key = {0};
        struct wire_bundle_receipts receipts = {.device = reply->name.device,
                                                .bundle = reply->name.bundle,
                                                .part = reply->name.part};
        int r;

        memcpy(receipts.nonce, nonce, sizeof(receipts.nonce));
        put_receipts_head(&receipts, &head);
        r = buffer_check(&head);
        if (r < 0)
                return r;
        derive_reply(reply->encapsulated, nonce, reply->secret, &key);
        r = crypto_aead_seal(key.key, key.nonce, buffer_view(&head), answer, &sealed);
        if (r < 0)
                return r;
        receipts.sealed = buffer_view(&sealed);
        wire_put_bundle_receipts(&receipts, out);
        return buffer_check(out);
}

int bundle_receipts_open(const struct wire_bundle_receipts *receipts,
                         const uint8_t encapsulated[HPKE_ENCAPSULATED_SIZE],
                         const uint8_t secret[BUNDLE_SECRET_SIZE], struct buffer *out)
{
        CLEANUP(buffer_deinit) struct buffer head = BUFFER_INIT;
        CLEANUP(reply_key_wipe) struct reply_key key = {0};
        int r;

        put_receipts_head(receipts, &head);
        r = buffer_check(&head);
        if (r < 0)
                return r;
        derive_reply(encapsulated, receipts->nonce, secret, &key);
        return crypto_aead_open(key.key, key.nonce, buffer_view(&head), receipts->sealed, out);
}

/* ---- files ---- */

void bundle_file_begin(struct buffer *out)
{
        buffer_append_text(out, magic);
        buffer_append_text(out, version);
}

int bundle_file_open(struct bytes file, struct arena *arena, struct wire_reader *ret)
{
        const size_t before = sizeof(magic) - 1, size = before + sizeof(version) - 1;

        if (file.size < size || memcmp(file.data, magic, before) != 0)
                return FAIL(PANNIER_E_MALFORMED, "this is not a bundle");
        if (memcmp(file.data + before, version, sizeof(version) - 1) != 0)
                return FAIL(PANNIER_E_TOO_NEW, "this bundle is of a later version of Pannier");
        wire_reader_init(ret, BYTES(file.data + size, file.size - size), arena);
        return 0;
}
