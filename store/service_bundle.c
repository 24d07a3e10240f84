/* POST /v1/bundle: one part of a bundle, brought by another device than the one that wrote it. */
#include "store/service_internal.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"

/* One answer for what cannot be opened, whatever the cause: the courier learns nothing about devices. */
static void refuse(struct service *service, struct http_call *call, int error)
{
        if (error != PANNIER_E_NOT_FOUND && error != PANNIER_E_CRYPTO) {
                service_refuse(service, call, error);
                return;
        }
        log_info("bundle of %s: %s", http_call_address(call), error_detail());
        error_clear();
        service->malformed++;
        http_call_text(call, 422,
                       error == PANNIER_E_NOT_FOUND ? "sealed to another store\n"
                                                    : "not accepted\n");
}

/* The one message of the body. */
static int read_part(struct bytes body, struct arena *arena, struct wire_message *ret)
{
        struct wire_reader reader;
        int r;

        wire_reader_init(&reader, body, arena);
        r = wire_next(&reader, ret);
        if (r < 0)
                return r;
        if (r == 0 || ret->kind != WIRE_KIND_BUNDLE || !cbor_at_end(&reader.reader))
                return FAIL(PANNIER_E_MALFORMED, "the body is one part of a bundle");
        return 0;
}

static void log_part(const struct device_row *courier, const struct bundle_name *name)
{
        char by[UUID_TEXT_SIZE], of[UUID_TEXT_SIZE], bundle[UUID_TEXT_SIZE];

        uuid_format(&courier->id, by);
        uuid_format(&name->device, of);
        uuid_format(&name->bundle, bundle);
        log_info("bundle %s of %s, part %u, brought by %s", bundle, of, name->part + 1, by);
}

void service_on_bundle(void *context, struct http_call *call)
{
        struct service *service = context;
        struct place *place = &service->loops[http_call_loop(call)];
        const struct courier_settings settings = {place->exchange, place->storage,
                                                  service->identity->seal_key};
        CLEANUP(exchange_request_freep) struct exchange_request *request = NULL;
        CLEANUP(courier_freep) struct courier *courier = NULL;
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct wire_message message;
        struct device_row device;
        struct job *job;
        int r;

        if (service_find_device(service, call, &device) < 0)
                return;
        if (device.state != DEVICE_ACTIVE) {
                service->refused++;
                http_call_text(call, 403, "refused\n");
                return;
        }
        if (!service_let_in(service, call))
                return;
        r = read_part(http_call_body(call), &arena, &message);
        r = r < 0 ? r
                  : courier_open(&settings, &message.bundle, clock_now_ms(), &courier, &request);
        if (r < 0) {
                refuse(service, call, r);
                return;
        }
        job = job_new(service, exchange_has_work(request) ? JOB_COMMIT : JOB_ANSWER, call);
        if (!job)
                return;
        log_part(&device, courier_name(courier));
        job->device = courier_name(courier)->device;
        job->request = TAKE(request);
        job->courier = TAKE(courier);
        service_begin(service, job, call);
}

void service_answer(struct service *service, struct job *job)
{
        CLEANUP(buffer_deinit) struct buffer sealed = BUFFER_INIT;
        struct http_answer answer = {.status = 200, .type = SERVICE_SYNC_TYPE};
        uint8_t nonce[WIRE_BUNDLE_NONCE_SIZE];
        int r;

        if (!job->courier) {
                answer.body = job->answer.body;
                job->answer.body = BUFFER_INIT;
                service_send(service, job, &answer);
                return;
        }
        crypto_random(nonce, sizeof(nonce));
        r = courier_seal(job->courier, buffer_view(&job->answer.body), nonce, &sealed);
        if (r < 0) {
                service_fail(service, job, r);
                return;
        }
        answer.body = sealed;
        sealed = BUFFER_INIT;
        service_send(service, job, &answer);
}
