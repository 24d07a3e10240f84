/* What the service is doing, as OpenMetrics text (https://openmetrics.io, RFC draft-richih-opsawg-openmetrics-00). */
#include "store/service_internal.h"

#include "common/clock.h"
#include "common/error.h"

#include <inttypes.h>
#include <stdio.h>

static void counter(struct buffer *out, const char *name, const char *help, uint64_t value)
{
        buffer_append_format(out,
                             "# TYPE pannier_store_%s counter\n# HELP pannier_store_%s %s.\n"
                             "pannier_store_%s_total %" PRIu64 "\n",
                             name, name, help, name, value);
}

static void gauge(struct buffer *out, const char *name, const char *help, uint64_t value)
{
        buffer_append_format(out,
                             "# TYPE pannier_store_%s gauge\n# HELP pannier_store_%s %s.\n"
                             "pannier_store_%s %" PRIu64 "\n",
                             name, name, help, name, value);
}

static void seconds(struct buffer *out, const char *name, const char *help, const char *type,
                    const char *suffix, uint64_t us)
{
        buffer_append_format(out,
                             "# TYPE pannier_store_%s_seconds %s\n# UNIT pannier_store_%s_seconds "
                             "seconds\n# HELP pannier_store_%s_seconds %s.\n"
                             "pannier_store_%s_seconds%s %" PRIu64 ".%06" PRIu64 "\n",
                             name, type, name, name, help, name, suffix, us / 1000000,
                             us % 1000000);
}

bool service_healthy(struct service *service, char *ret_reason, size_t size)
{
        int64_t silent_ms = clock_boot_ms() - service->writer_ms;

        if (service->stopping) {
                (void)snprintf(ret_reason, size, "stopping");
                return false;
        }
        if (silent_ms > SERVICE_STALLED_MS) {
                (void)snprintf(ret_reason, size, "the writer has done nothing for %" PRId64 " s",
                               silent_ms / 1000);
                return false;
        }
        (void)snprintf(ret_reason, size, "ok");
        return true;
}

void service_metrics(struct service *service, struct buffer *out)
{
        counter(out, "exchanges", "Exchanges that were let in", service->exchanges);
        counter(out, "refused", "Requests without a good certificate of a known device",
                service->refused);
        counter(out, "malformed", "Requests that could not be read", service->malformed);
        counter(out, "attachments_refused", "Chunks of attachments over a limit",
                service->attachments_refused);
        gauge(out, "attachment_bytes", "Attachments on the disk", service->attachment_bytes);
        counter(out, "sent_away", "Requests over a limit, told to come back", service->sent_away);
        counter(out, "unavailable", "Answers 503", service->unavailable);
        counter(out, "commits", "Group commits", service->commits);
        counter(out, "commit_requests", "Requests in them", service->commit_requests);
        counter(out, "rows", "Records sent", service->rows);
        counter(out, "enrolled", "Certificates for codes", service->enrolled);
        counter(out, "renewed", "Certificates for certificates", service->renewed);
        counter(out, "enrolment_refused", "Enrolments refused", service->enrolment_refused);
        counter(out, "waits", "Long polls begun", service->waits);
        counter(out, "wakes", "Long polls that ended with news", service->wakes);
        seconds(out, "commit", "Time spent in group commits", "counter", "_total",
                service->commit_us);
        seconds(out, "commit_longest", "Longest group commit", "gauge", "", service->commit_us_max);
        gauge(out, "waiting", "Devices that wait for news", waiters_count(service->waiters));
        gauge(out, "in_flight", "Exchanges and enrolments in work", service->in_flight);
        gauge(out, "answer_bytes", "Bytes of answers being sent", service->answer_bytes);
        gauge(out, "writer_queue", "Jobs that wait for the writer",
              queue_count(&service->to_writer));
        gauge(out, "worker_queue", "Jobs that wait for a worker",
              queue_count(&service->to_workers));
}
