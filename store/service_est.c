/* Enrolment over Secure Transport (RFC 7030), the part of it that devices need. */
#include "store/service_internal.h"

#include "common/base64.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define EST_TYPE        "application/pkcs7-mime"
#define EST_ISSUED_TYPE "application/pkcs7-mime; smime-type=certs-only"

enum { AUTHORIZATION_MAX = 256 };

int service_certificate(struct bytes der, struct http_answer *ret)
{
        CLEANUP(buffer_deinit) struct buffer bundle = BUFFER_INIT;
        struct http_answer answer = {.status = 200, .type = EST_ISSUED_TYPE, .base64 = true};
        int r = ca_bundle(&der, 1, &bundle);

        if (r < 0)
                return r;
        base64_encode(buffer_view(&bundle), &answer.body);
        r = buffer_check(&answer.body);
        if (r < 0) {
                buffer_deinit(&answer.body);
                return r;
        }
        *ret = answer;
        return 0;
}

void service_on_cacerts(void *context, struct http_call *call)
{
        struct service *service = context;
        struct http_answer answer = {.status = 200, .type = EST_TYPE, .base64 = true};

        buffer_append(&answer.body, buffer_view(&service->cacerts));
        http_call_answer(call, &answer);
        buffer_deinit(&answer.body);
}

/* Every reason looks the same: a wrong code, a used one, one of a revoked device. */
static void refuse(struct service *service, struct http_call *call, bool by_code)
{
        struct http_answer answer = {.status = by_code ? 401 : 403,
                                     .type = "text/plain; charset=utf-8",
                                     .authenticate = by_code};

        log_info("enrolment of %s refused: %s", http_call_address(call), error_detail());
        error_clear();
        service->enrolment_refused++;
        buffer_append_text(&answer.body, "refused\n");
        http_call_answer(call, &answer);
        buffer_deinit(&answer.body);
}

/* The public key of the PKCS#10 request in the body; answers where there is none. */
static int read_request(struct http_call *call, uint8_t ret_public_key[PUBLIC_KEY_SIZE])
{
        CLEANUP(buffer_deinit) struct buffer der = BUFFER_INIT;
        struct bytes body = http_call_body(call);
        int r;

        if (body.size > (size_t)2 * CA_REQUEST_MAX) {
                http_call_text(call, 413, "too large\n");
                return FAIL(PANNIER_E_LIMIT, "certificate request of %zu bytes", body.size);
        }
        r = base64_decode(body, &der);
        r = r < 0 ? r : ca_request_read(buffer_view(&der), ret_public_key);
        if (r < 0) {
                log_info("certificate request of %s: %s", http_call_address(call), error_detail());
                error_clear();
                http_call_text(call, 400, "not a PKCS#10 request of a P-256 key in base64\n");
        }
        return r;
}

/* The password of HTTP Basic with user `device`. */
static int read_code(struct http_call *call, char ret[ENROLMENT_CODE_TEXT_MAX])
{
        CLEANUP(buffer_wipe) struct buffer clear = BUFFER_INIT;
        const char *header = http_call_header(call, "Authorization");
        static const char user[] = "device:";
        size_t size;

        if (!header || strlen(header) > AUTHORIZATION_MAX || strncasecmp(header, "Basic ", 6) != 0)
                return FAIL(PANNIER_E_REFUSED, "no enrolment code");
        if (base64_decode(bytes_text(header + 6), &clear) < 0 || clear.size <= sizeof(user) - 1 ||
            memcmp(clear.data, user, sizeof(user) - 1) != 0)
                return FAIL(PANNIER_E_REFUSED, "no enrolment code");
        size = clear.size - (sizeof(user) - 1);
        if (size >= ENROLMENT_CODE_TEXT_MAX ||
            memchr(clear.data + sizeof(user) - 1, '\0', size) != NULL)
                return FAIL(PANNIER_E_REFUSED, "no enrolment code");
        memcpy(ret, clear.data + sizeof(user) - 1, size);
        ret[size] = '\0';
        return 0;
}

/* A look by the reader first: guesses never get as far as the writer. */
static int check_code(struct service *service, struct http_call *call, const char *code)
{
        struct storage *storage = service->loops[http_call_loop(call)].storage;
        uint8_t hash[HASH_SIZE], key[PUBLIC_KEY_SIZE];
        struct uuid device;
        int64_t expires_ms;
        int r = enrolment_code_hash(bytes_text(code), hash);

        if (r < 0)
                return FAIL(PANNIER_E_REFUSED, "not an enrolment code");
        r = storage->ops->code_get(storage, hash, &device, &expires_ms, key);
        if (r < 0)
                return r;
        return r > 0 ? 0 : FAIL(PANNIER_E_REFUSED, "no such enrolment code");
}

static bool let_in(struct service *service, struct http_call *call)
{
        if (!service->stopping && service->in_flight < (size_t)service->settings->exchanges)
                return true;
        service->sent_away++;
        service_unavailable(service, call);
        return false;
}

static bool too_many_failures(struct service *service, struct http_call *call)
{
        struct http_answer answer = {.status = 429, .type = "text/plain; charset=utf-8"};
        int64_t wait_ms =
                limiter_wait_ms(service->limiter, http_call_address(call), clock_boot_ms());

        if (!wait_ms)
                return false;
        answer.retry_after_s = (unsigned)(wait_ms / 1000) + 1;
        service->enrolment_refused++;
        buffer_append_text(&answer.body, "too many attempts\n");
        http_call_answer(call, &answer);
        buffer_deinit(&answer.body);
        return true;
}

static void hand_over(struct service *service, struct http_call *call, struct job *job,
                      const uint8_t public_key[PUBLIC_KEY_SIZE])
{
        service->in_flight++;
        memcpy(job->public_key, public_key, PUBLIC_KEY_SIZE);
        (void)snprintf(job->address, sizeof(job->address), "%s", http_call_address(call));
        http_call_keep(call, NULL, NULL);
        queue_push(&service->to_writer, job);
}

void service_on_enrol(void *context, struct http_call *call)
{
        struct service *service = context;
        char code[ENROLMENT_CODE_TEXT_MAX];
        uint8_t public_key[PUBLIC_KEY_SIZE];
        struct job *job;
        int r;

        if (too_many_failures(service, call) || !let_in(service, call))
                return;
        r = read_code(call, code);
        r = r < 0 ? r : check_code(service, call, code);
        if (r == PANNIER_E_REFUSED) {
                limiter_failed(service->limiter, http_call_address(call), clock_boot_ms());
                refuse(service, call, true);
                return;
        }
        if (r < 0) {
                log_failure(LOG_LEVEL_ERROR, r, "an enrolment code could not be looked up");
                service_unavailable(service, call);
                return;
        }
        if (read_request(call, public_key) < 0)
                return;
        job = job_new(service, JOB_ENROL, call);
        if (!job)
                return;
        (void)snprintf(job->code, sizeof(job->code), "%s", code);
        crypto_wipe(code, sizeof(code));
        hand_over(service, call, job, public_key);
}

void service_on_renew(void *context, struct http_call *call)
{
        struct service *service = context;
        struct storage *storage = service->loops[http_call_loop(call)].storage;
        uint8_t public_key[PUBLIC_KEY_SIZE];
        struct device_row device;
        struct job *job;
        int r = enrolment_device(storage, http_call_peer(call), clock_now_ms(), ENROLMENT_GRACE_MS,
                                 &device);

        if (r == PANNIER_E_REFUSED) {
                refuse(service, call, false);
                return;
        }
        if (r < 0) {
                log_failure(LOG_LEVEL_ERROR, r, "a device could not be looked up");
                service_unavailable(service, call);
                return;
        }
        if (!let_in(service, call) || read_request(call, public_key) < 0)
                return;
        job = job_new(service, JOB_RENEW, call);
        if (!job)
                return;
        job->peer = *http_call_peer(call);
        hand_over(service, call, job, public_key);
}
