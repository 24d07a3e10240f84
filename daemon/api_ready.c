/*
 * Is this device ready for a day? Everything a person would check before leaving the last signal behind, each as one finding in
 * plain words: who is planned and whether they are here, how fresh that is, certificate, disk, clock, and what has not arrived.
 */
#include "common/date.h"
#include "common/error.h"
#include "daemon/api_call.h"
#include "daemon/api_value.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

/* What is ready enough. */
#define READY_FRESH_MS       INT64_C(43200000)  /* 12 hours since the last complete exchange */
#define READY_CERTIFICATE_MS INT64_C(86400000)  /* a day more than the day that is asked about */
#define READY_DISK_BYTES     INT64_C(268435456) /* 256 MiB: a first sync and weeks of entries */

struct ready {
        struct api_call *call;
        json_t *findings;
        int64_t day, from_ms, to_ms;
        bool good;
};

__attribute__((format(printf, 4, 5))) static int say(struct ready *ready, const char *name,
                                                     bool good, const char *format, ...)
{
        char text[256];
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        ready->good = ready->good && good;
        if (json_array_append_new(ready->findings, json_pack("{s:s, s:b, s:s}", "name", name,
                                                             "good", (int)good, "text", text)) < 0)
                return FAIL(PANNIER_E_MEMORY, "no memory for a finding");
        return 0;
}

/* ---- which day ---- */

/* Local midnight: a day is 23 or 25 hours long where the clocks change. */
static int64_t local_midnight(int64_t day)
{
        struct calendar calendar = calendar_from_instant(day * DAY_MS);
        struct tm local = {.tm_year = calendar.year - 1900,
                           .tm_mon = calendar.month - 1,
                           .tm_mday = calendar.day,
                           .tm_isdst = -1};
        time_t seconds = mktime(&local);

        return seconds == (time_t)-1 ? day * DAY_MS : (int64_t)seconds * 1000;
}

static int64_t local_day(int64_t instant_ms)
{
        time_t seconds = (time_t)(instant_ms / 1000);
        struct calendar calendar = {.hour = 12};
        struct tm local;
        int64_t noon_ms;

        if (!localtime_r(&seconds, &local))
                return date_of_instant(instant_ms);
        calendar.year = local.tm_year + 1900;
        calendar.month = local.tm_mon + 1;
        calendar.day = local.tm_mday;
        if (instant_from_calendar(&calendar, &noon_ms) < 0)
                return date_of_instant(instant_ms);
        return date_of_instant(noon_ms);
}

static int read_day(struct ready *ready)
{
        const struct bytes *text = http1_parameter(&ready->call->request->target, "date");

        ready->day = local_day(ready->call->now.wall_ms);
        if (text && date_parse(*text, &ready->day) < 0) {
                ready->call->field = "date";
                return FAIL(PANNIER_E_INVALID, "date is a day that exists, as YYYY-MM-DD");
        }
        ready->from_ms = local_midnight(ready->day);
        ready->to_ms = local_midnight(ready->day + 1);
        return 0;
}

/* ---- what is checked ---- */

static int check_contacts(struct ready *ready, const struct engine_status *status,
                          const struct engine_ready *day)
{
        char date[DATE_TEXT_SIZE];

        date_format(ready->day, date);
        if (!status->complete)
                return say(ready, "contacts", false,
                           "not everybody has arrived on this device yet: the list of %s may be "
                           "incomplete",
                           date);
        if (day->missing)
                return say(ready, "contacts", false,
                           "%" PRIu64 " of the %" PRIu64 " people to meet on %s are not on this "
                           "device",
                           day->missing, day->people, date);
        if (day->contacts == 0)
                return say(ready, "contacts", true, "nothing is planned on %s", date);
        return say(ready, "contacts", true,
                   "%" PRIu64 " planned contact%s on %s; everybody to meet (%" PRIu64
                   ") is on this "
                   "device",
                   day->contacts, day->contacts == 1 ? "" : "s", date, day->people);
}

static int check_freshness(struct ready *ready, const struct engine_status *status)
{
        int64_t age_ms = ready->call->now.wall_ms - status->last_complete_ms;

        if (!status->last_complete_ms)
                return say(ready, "fresh", false, "nothing has been exchanged with the store yet");
        if (age_ms < 0)
                age_ms = 0; /* the store's clock is ahead of this one */
        return say(ready, "fresh", age_ms <= READY_FRESH_MS,
                   "everything that the store had %" PRId64 " h %" PRId64 " min ago is here%s",
                   age_ms / 3600000, age_ms / 60000 % 60,
                   age_ms <= READY_FRESH_MS ? "" : ": sync before you leave");
}

static int check_certificate(struct ready *ready, const struct api_host_status *host)
{
        char date[DATE_TEXT_SIZE];
        bool good = host->certificate_expires_ms >= ready->to_ms + READY_CERTIFICATE_MS;

        date_format(local_day(host->certificate_expires_ms), date);
        return say(
                ready, "certificate", good, "the device's certificate is good until %s%s", date,
                good ? ""
                     : ": it is renewed by itself when there is a signal; tell IT if it stays so");
}

static int check_disk(struct ready *ready, const struct api_host_status *host)
{
        bool good = host->disk_free_bytes >= READY_DISK_BYTES;

        if (host->disk_free_bytes < 0)
                return say(ready, "disk", false, "how much of the disk is free cannot be told");
        return say(ready, "disk", good, "%" PRId64 " MB of the disk are free%s",
                   host->disk_free_bytes / 1000000, good ? "" : ": tell IT before it is full");
}

static int check_clock(struct ready *ready)
{
        switch (ready->call->now.quality) {
        case CLOCK_SYNCHRONISED:
                return say(ready, "clock", true, "the clock is right");
        case CLOCK_FREE:
                return say(ready, "clock", true,
                           "the clock runs by itself; the store corrects its times");
        case CLOCK_UNSET:
                break;
        }
        return say(ready, "clock", false, "the clock is wrong: set date and time");
}

static int check_unsent(struct ready *ready, const struct engine_status *status)
{
        uint64_t waiting = status->counts[OUTCOME_NONE] - status->access_waiting;
        uint64_t refused = status->counts[OUTCOME_QUARANTINED];

        if (refused)
                return say(ready, "outbox", false,
                           "%" PRIu64 " refused by the store: somebody must look at them", refused);
        if (waiting)
                return say(ready, "outbox", true,
                           "%" PRIu64 " %s only on this device; sent with the next signal", waiting,
                           waiting == 1 ? "entry is" : "entries are");
        return say(ready, "outbox", true, "everything that was recorded here was sent");
}

static int check_all(struct ready *ready, const struct engine_ready *day)
{
        struct api_host_status host = {.store = "", .problem = "", .library = ""};
        struct engine_status status;
        int r = engine_status(ready->call->api->engine, &ready->call->now, &status);

        ready->call->api->host.status(ready->call->api->host.context, &host);
        if (r >= 0)
                r = check_contacts(ready, &status, day);
        if (r >= 0)
                r = check_freshness(ready, &status);
        if (r >= 0)
                r = check_certificate(ready, &host);
        if (r >= 0)
                r = check_disk(ready, &host);
        if (r >= 0)
                r = check_clock(ready);
        return r < 0 ? r : check_unsent(ready, &status);
}

int api_get_ready(struct api_call *call)
{
        CLEANUP(json_freep) json_t *findings = json_array();
        struct ready ready = {.call = call, .findings = findings, .good = true};
        struct engine_ready day;
        char date[DATE_TEXT_SIZE];
        int r = read_day(&ready);

        if (r >= 0)
                r = engine_ready(call->api->engine, &call->staff, &call->now, ready.from_ms,
                                 ready.to_ms, &day);
        if (r >= 0)
                r = check_all(&ready, &day);
        if (r < 0)
                return r;
        date_format(ready.day, date);
        return api_send(call, 200,
                        json_pack("{s:b, s:s, s:I, s:I, s:I, s:O}", "ready", (int)ready.good,
                                  "date", date, "contacts", (json_int_t)day.contacts, "people",
                                  (json_int_t)day.people, "missing", (json_int_t)day.missing,
                                  "findings", findings));
}
