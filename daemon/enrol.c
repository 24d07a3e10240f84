/*
 *     IDLE ──▶ AUTHORITY ──▶ CERTIFICATE ──▶ IDLE     enrol_begin()
 *     IDLE ──▶ RENEWAL ──▶ IDLE                       enrol_renew()
 */
#include "daemon/enrol.h"

#include "common/error.h"
#include "daemon/est.h"

#include <stdio.h>
#include <string.h>

enum enrol_state { ENROL_IDLE, ENROL_AUTHORITY, ENROL_CERTIFICATE, ENROL_RENEWAL };

enum { ENROL_ANSWER_MAX = 64 << 10, ENROL_TIMEOUT_MS = 30000 };

struct enrol {
        struct link *link;
        struct identity *identity;
        enum enrol_state state;
        struct link_transfer *transfer;
        struct enrol_link to;
        char url[IDENTITY_URL_MAX];
        struct buffer authority;
        int64_t judge_at_ms;
        enrol_done done;
        void *context;
};

static int parse_port(struct bytes text, uint16_t *ret)
{
        unsigned port = 0;

        for (size_t i = 0; i < text.size; i++) {
                if (text.data[i] < '0' || text.data[i] > '9' || port > 6553)
                        return -1;
                port = port * 10 + (unsigned)(text.data[i] - '0');
        }
        if (port == 0 || port > UINT16_MAX)
                return -1;
        *ret = (uint16_t)port;
        return 0;
}

static int hex_value(uint8_t c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int parse_fingerprint(struct bytes text, uint8_t ret[HASH_SIZE])
{
        if (text.size != (size_t)HASH_SIZE * 2)
                return -1;
        for (size_t i = 0; i < HASH_SIZE; i++) {
                int high = hex_value(text.data[2 * i]), low = hex_value(text.data[2 * i + 1]);
                if (high < 0 || low < 0)
                        return -1;
                ret[i] = (uint8_t)(high << 4 | low);
        }
        return 0;
}

static bool is_host(struct bytes text)
{
        for (size_t i = 0; i < text.size; i++) {
                uint8_t c = text.data[i];
                if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      (c && strchr(".-[]:", c))))
                        return false;
        }
        return text.size > 0 && text.size <= ENROL_HOST_MAX;
}

static bool is_code(struct bytes text)
{
        for (size_t i = 0; i < text.size; i++) {
                uint8_t c = text.data[i];
                if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_'))
                        return false;
        }
        return text.size > 0 && text.size <= ENROL_CODE_MAX;
}

/* Cut off what stands in front of the last (or first) @separator; false where there is none. */
static bool cut_at(struct bytes *rest, uint8_t separator, bool last, struct bytes *ret)
{
        const uint8_t *at = rest->size == 0 ? NULL
                            : last          ? memrchr(rest->data, separator, rest->size)
                                            : memchr(rest->data, separator, rest->size);
        if (!at)
                return false;
        size_t size = (size_t)(at - rest->data);
        *ret = BYTES(rest->data, size);
        rest->data += size + 1;
        rest->size -= size + 1;
        return true;
}

int enrol_link_parse(struct bytes text, struct enrol_link *ret)
{
        static const char scheme[] = "pannier://";
        static const char query[] = "ca=";
        struct bytes authority, host, code;
        struct enrol_link link = {0};

        if (text.size < sizeof(scheme) - 1 || memcmp(text.data, scheme, sizeof(scheme) - 1) != 0)
                return FAIL(PANNIER_E_INVALID, "an enrolment link begins with %s", scheme);
        text.data += sizeof(scheme) - 1;
        text.size -= sizeof(scheme) - 1;
        if (!cut_at(&text, '/', false, &authority) || !cut_at(&authority, ':', true, &host))
                return FAIL(PANNIER_E_INVALID, "the enrolment link has no HOST:PORT/");
        if (!is_host(host) || parse_port(authority, &link.port) < 0)
                return FAIL(PANNIER_E_INVALID, "the enrolment link's host or port is not one");
        if (!cut_at(&text, '?', false, &code) || !is_code(code))
                return FAIL(PANNIER_E_INVALID, "the enrolment link has no code, or one with odd "
                                               "characters in it");
        if (text.size < sizeof(query) - 1 || memcmp(text.data, query, sizeof(query) - 1) != 0 ||
            parse_fingerprint(BYTES(text.data + 3, text.size - 3), link.fingerprint) < 0)
                return FAIL(PANNIER_E_INVALID,
                            "the enrolment link does not end with ?ca= and 64 hex digits; is it "
                            "cut off?");
        (void)memcpy(link.host, host.data, host.size);
        (void)memcpy(link.code, code.data, code.size);
        *ret = link;
        return 0;
}

static void finish(struct enrol *enrol, const struct enrol_result *result)
{
        enrol_done done = enrol->done;

        enrol->state = ENROL_IDLE;
        enrol->transfer = NULL;
        crypto_wipe(enrol->to.code, sizeof(enrol->to.code));
        done(enrol->context, result);
}

static void fail(struct enrol *enrol, int error)
{
        finish(enrol, &(struct enrol_result){.error = error, .detail = error_detail()});
}

/* What a failed transfer means for somebody who stands in front of the device with a code. */
static void fail_link(struct enrol *enrol, const struct link_answer *answer)
{
        struct enrol_result result = {.error = PANNIER_E_LINK,
                                      .failure = answer->failure,
                                      .detail = answer->detail,
                                      .retry_after_ms = answer->retry_after_ms};

        if (answer->failure == EXCHANGE_REFUSED && answer->status) {
                result.error = PANNIER_E_REFUSED;
                result.detail = enrol->state == ENROL_RENEWAL
                                        ? "the store does not renew this device's certificate"
                                        : "the store does not take this code: it is wrong, used or "
                                          "too old; ask for a new one";
        }
        finish(enrol, &result);
}

static int request_certificate(struct enrol *enrol);

/* The authority in the answer that has the link's fingerprint; everything else in it is ignored. */
static int choose_authority(struct enrol *enrol, struct bytes body)
{
        CLEANUP(buffer_deinit) struct buffer scratch = BUFFER_INIT;
        struct bytes certificates[EST_CERTIFICATE_MAX];
        uint8_t hash[HASH_SIZE];
        int count = est_certificates_decode(body, &scratch, certificates);

        for (int i = 0; i < count; i++) {
                crypto_sha256(certificates[i], hash);
                if (!crypto_equal(hash, enrol->to.fingerprint, sizeof(hash)))
                        continue;
                buffer_reset(&enrol->authority);
                buffer_append(&enrol->authority, certificates[i]);
                int r = buffer_check(&enrol->authority);
                return r < 0 ? r : identity_pend_authority(enrol->identity, certificates[i]);
        }
        if (count < 0)
                return count;
        return FAIL(PANNIER_E_CRYPTO,
                    "who answers at %s is not the store that made this link: its certificate has "
                    "another fingerprint",
                    enrol->to.host);
}

static void on_authority(void *context, const struct link_answer *answer)
{
        struct enrol *enrol = context;
        int r;

        enrol->transfer = NULL;
        if (answer->failure != EXCHANGE_OK) {
                fail_link(enrol, answer);
                return;
        }
        r = choose_authority(enrol, answer->body);
        if (r >= 0)
                r = identity_make_key(enrol->identity);
        if (r >= 0)
                r = request_certificate(enrol);
        if (r < 0)
                fail(enrol, r);
}

static void on_certificate(void *context, const struct link_answer *answer)
{
        CLEANUP(buffer_deinit) struct buffer scratch = BUFFER_INIT;
        struct bytes certificates[EST_CERTIFICATE_MAX];
        struct enrol *enrol = context;
        bool renewal = enrol->state == ENROL_RENEWAL;
        int r;

        enrol->transfer = NULL;
        if (answer->failure != EXCHANGE_OK) {
                fail_link(enrol, answer);
                return;
        }
        if (answer->status ==
            202) { /* an EST authority may let a person decide (RFC 7030 §4.2.3) */
                finish(enrol, &(struct enrol_result){
                                      .error = PANNIER_E_BUSY,
                                      .detail = "the authority has not decided yet; try again",
                                      .retry_after_ms = answer->retry_after_ms});
                return;
        }
        r = est_certificates_decode(answer->body, &scratch, certificates);
        if (r >= 0 && renewal)
                r = identity_renew(enrol->identity, certificates[0]);
        else if (r >= 0)
                r = identity_enrol(enrol->identity, enrol->url, buffer_view(&enrol->authority),
                                   certificates[0]);
        if (r < 0) {
                fail(enrol, r);
                return;
        }
        link_forget(enrol->link);
        finish(enrol, &(struct enrol_result){.detail = ""});
}

static int send_request(struct enrol *enrol, struct link_request *request, const char *path,
                        const char *common_name, const char *uri)
{
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        char url[IDENTITY_URL_MAX + 64];
        int r = crypto_certificate_request(enrol->identity->key, common_name, uri, &der);

        if (r < 0)
                return r;
        est_request_encode(buffer_view(&der), &body);
        r = buffer_check(&body);
        if (r < 0)
                return r;
        (void)snprintf(url, sizeof(url), "%s/.well-known/est/%s",
                       enrol->state == ENROL_RENEWAL ? enrol->identity->url : enrol->url, path);
        request->url = url;
        request->media_type = EST_REQUEST_TYPE;
        request->coding = NULL;
        request->body = buffer_view(&body);
        request->judge_at_ms = enrol->judge_at_ms;
        request->timeout_ms = ENROL_TIMEOUT_MS;
        request->answer_max = ENROL_ANSWER_MAX;
        return link_send(enrol->link, request, on_certificate, enrol, &enrol->transfer);
}

static int request_certificate(struct enrol *enrol)
{
        struct link_request request = {
                .user = "device",
                .password = enrol->to.code,
                .ca_file = enrol->identity->pending_path,
        };

        enrol->state = ENROL_CERTIFICATE;
        return send_request(enrol, &request, "simpleenroll", "pannier device", NULL);
}

int enrol_begin(struct enrol *enrol, const struct enrol_link *to, int64_t judge_at_ms,
                enrol_done done, void *context)
{
        char url[IDENTITY_URL_MAX + 64];
        struct link_request request = {.url = url,
                                       .wanted_type = EST_ANSWER_TYPE,
                                       .judge_at_ms = judge_at_ms,
                                       .timeout_ms = ENROL_TIMEOUT_MS,
                                       .answer_max = ENROL_ANSWER_MAX};
        int r;

        if (enrol->state != ENROL_IDLE)
                return FAIL(PANNIER_E_BUSY, "an enrolment is running already");
        enrol->to = *to;
        enrol->judge_at_ms = judge_at_ms;
        enrol->done = done;
        enrol->context = context;
        (void)snprintf(enrol->url, sizeof(enrol->url), "https://%s:%u", to->host, to->port);
        (void)snprintf(url, sizeof(url), "%s/.well-known/est/cacerts", enrol->url);
        r = link_send(enrol->link, &request, on_authority, enrol, &enrol->transfer);
        if (r >= 0)
                enrol->state = ENROL_AUTHORITY;
        return r;
}

int enrol_renew(struct enrol *enrol, int64_t judge_at_ms, enrol_done done, void *context)
{
        const struct identity *identity = enrol->identity;
        struct link_request request = {
                .ca_file = identity->authority_path,
                .certificate_file = identity->certificate_path,
                .key_file = identity->key_path,
        };
        int r;

        if (enrol->state != ENROL_IDLE)
                return FAIL(PANNIER_E_BUSY, "an enrolment is running already");
        enrol->judge_at_ms = judge_at_ms;
        enrol->done = done;
        enrol->context = context;
        enrol->state = ENROL_RENEWAL;
        r = send_request(enrol, &request, "simplereenroll", identity->certificate.common_name,
                         identity->certificate.uri);
        if (r < 0)
                enrol->state = ENROL_IDLE;
        return r;
}

int64_t enrol_renew_at_ms(const struct certificate_facts *certificate, uint32_t random)
{
        int64_t life_ms = certificate->not_after_ms - certificate->not_before_ms;
        int64_t jitter_ms = life_ms / 10 / 1000 * (random % 1000);

        return certificate->not_before_ms + life_ms / 3 * 2 - jitter_ms;
}

int enrol_new(struct link *link, struct identity *identity, struct enrol **ret)
{
        struct enrol *enrol = calloc(1, sizeof(*enrol));

        if (!enrol)
                return FAIL(PANNIER_E_MEMORY, "no memory for the enrolment");
        enrol->link = link;
        enrol->identity = identity;
        *ret = enrol;
        return 0;
}

struct enrol *enrol_free(struct enrol *enrol)
{
        if (!enrol)
                return NULL;
        if (enrol->transfer)
                link_cancel(enrol->link, enrol->transfer);
        buffer_deinit(&enrol->authority);
        crypto_wipe(enrol->to.code, sizeof(enrol->to.code));
        free(enrol);
        return NULL;
}
