/* pannier status, sync, enrol: how the device stands. */
#include "client/command/command.h"
#include "common/clock.h"

#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

enum { ENROL_TIMEOUT_MS = 120000, SYNC_TIMEOUT_S = 120, SYNC_POLL_MS = 1000 };

/* What the link-level problems mean for somebody who stands in a kitchen. */
static const struct {
        const char *name;
        const char *words;
} problems[] = {
        {"offline", "No connection to the store. Work goes on; it is sent when there is a signal."},
        {"dns",
         "The store's name cannot be found on this network. Work goes on; it is sent later."},
        {"captive portal", "This network wants a sign-in page first: open a browser, or use mobile "
                           "data."},
        {"proxy",
         "This network's proxy does not let us through. Tell IT: its address, name or password "
         "may have changed. Work is safe."},
        {"tls untrusted",
         "Who answers is not our store. Nothing was sent. Try another network; if it "
         "stays so, tell IT."},
        {"certificate expired", "A certificate has run out. Tell IT: this device may need a new "
                                "enrolment link. Work is safe."},
        {"clock wrong", "This device's clock is wrong. Set date and time; work is safe."},
        {"refused", "The store refuses this device. Tell IT. Work is kept."},
        {"rate limited", "The store is busy and asked for patience. It is tried again by itself."},
        {"store unavailable",
         "The store cannot be reached or is not working. Work goes on; it is sent "
         "later."},
        {"protocol", "The store answered with something that is not ours. Tell IT; work is safe."},
        {"upgrade needed",
         "This device's software is too old to receive. Work is still sent. Tell IT."},
        {"forked", "This device was restored or copied. Tell IT. Work is kept."},
        {"store behind", "The store lost something it had signed for. Tell IT. Work is kept."},
};

static const char *problem_words(const char *name)
{
        for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++)
                if (strcmp(problems[i].name, name) == 0)
                        return problems[i].words;
        return name;
}

static bool has_problem(const json_t *exchange)
{
        return strcmp(text_of(exchange, "problem"), "ok") != 0;
}

/* Without the access events: who looked at whom is nobody's work, and no nurse waits for it. */
static int64_t work_waiting(const json_t *outbox)
{
        return number_of(outbox, "waiting") - number_of(outbox, "access_events_waiting");
}

static int64_t work_arrived(const json_t *outbox)
{
        return number_of(outbox, "applied") + number_of(outbox, "merged") +
               number_of(outbox, "held") + number_of(outbox, "late") -
               (number_of(outbox, "access_events") - number_of(outbox, "access_events_waiting"));
}

static const char *kind_words(const char *kind)
{
        if (strcmp(kind, "mobile") == 0)
                return "the mobile network";
        return strcmp(kind, "wifi") == 0 ? "wireless networks" : "wired networks";
}

/* What goes by itself today, and what does not. */
static void print_budget(const struct context *context, const json_t *link)
{
        const char *through = text_of(link, "lets_through");

        if (!link || strcmp(through, "everything") == 0)
                return;
        (void)printf("\nToday's data for %s is used up (%" PRId64 " of %" PRId64 " MiB)%s.\n",
                     kind_words(text_of(link, "kind")), number_of(link, "spent_bytes") >> 20,
                     number_of(link, "budget_bytes") >> 20,
                     true_of(link, "news_waits") ? ", and there is news that waits" : "");
        (void)printf("  %s Everything goes on in %s; 'pannier sync' fetches it now all the same.\n",
                     strcmp(through, "urgent work") == 0
                             ? "Only urgent work is still sent; nothing is fetched."
                             : "What is recorded here is still sent; nothing is fetched.",
                     age_text(instant_of(link, "resumes") - context->now_ms));
}

/* One line, whatever the trouble is: no visit waits for a photo. */
static void print_attachments(const json_t *attachments)
{
        int64_t waiting = number_of(attachments, "waiting");
        const char *problem = text_of(attachments, "problem");

        if (waiting > 0)
                (void)printf("%" PRId64 " photo%s or document%s not at the store yet%s%s\n",
                             waiting, waiting == 1 ? "" : "s", waiting == 1 ? "" : "s",
                             *problem ? ": " : ".", problem);
}

static void print_progress(const struct context *context, const json_t *exchange)
{
        const char *progress = text_of(exchange, "progress");
        int64_t patience_ms = instant_of(exchange, "patience") - context->now_ms;

        if (patience_ms > 0)
                (void)printf("\nThe store asked for patience: it is tried again in %s.\n",
                             age_text(patience_ms));
        if (strcmp(progress, "work is not answered") == 0)
                (void)printf("\nTHE STORE DOES NOT ANSWER FOR WORK THAT IT WAS SENT, again and "
                             "again. Tell IT. Work is kept.\n");
        if (strcmp(progress, "news does not arrive") == 0)
                (void)printf("\nWHAT IS HERE IS NOT WHAT THE STORE HAS, again and again. Tell IT: "
                             "'pannier doctor --deep' says more.\n");
}

/* The first line decides what a nurse does next: nothing, wait, or look. */
static void print_verdict(const struct context *context, const json_t *status)
{
        const json_t *outbox = json_object_get(status, "outbox");
        const json_t *exchange = json_object_get(status, "exchange");
        int64_t waiting = work_waiting(outbox), parked = number_of(outbox, "parked");
        int64_t last_ms = instant_of(exchange, "last_complete");

        if (waiting)
                (void)printf("%" PRId64 " %s only on this device, the oldest for %s.\n", waiting,
                             waiting == 1 ? "entry is" : "entries are",
                             age_text(context->now_ms - instant_of(outbox, "oldest_waiting")));
        else if (parked)
                (void)printf("Everything was sent; %" PRId64 " of it waits at the store.\n",
                             parked);
        else if (last_ms && work_arrived(outbox) > 0)
                (void)printf("Everything that was recorded here has arrived.\n");
        else if (last_ms)
                (void)printf("Nothing has been recorded here yet.\n");
        else
                (void)printf("Nothing has been exchanged with the store yet.\n");
        if (last_ms)
                (void)printf("Last complete exchange: %s%s.\n", ago_text(context, last_ms),
                             true_of(exchange, "listening") ? ", and listening for news" : "");
        if (!true_of(status, "complete"))
                (void)printf("NOT EVERYBODY IS HERE YET: lists on this device are incomplete.\n");
        if (true_of(status, "upgrade_needed"))
                (void)printf(
                        "There is more than this device's software can show. Tell IT: it needs an "
                        "upgrade.\n");
        if (has_problem(exchange))
                (void)printf("\n%s\n  (%s: %s)\n", problem_words(text_of(exchange, "problem")),
                             text_of(exchange, "problem"), text_of(exchange, "detail"));
        print_progress(context, exchange);
        print_budget(context, json_object_get(status, "link"));
        print_attachments(json_object_get(status, "attachments"));
        bundles_print(context, status);
}

static void print_counts(const json_t *outbox)
{
        (void)printf("\n  %8" PRId64 "  waiting      only on this device, not sent yet\n",
                     work_waiting(outbox));
        (void)printf("  %8" PRId64 "  arrived      the store has it", work_arrived(outbox));
        if (number_of(outbox, "merged"))
                (void)printf("; in %" PRId64 " a newer value stands", number_of(outbox, "merged"));
        (void)printf("\n");
        if (number_of(outbox, "parked"))
                (void)printf("  %8" PRId64
                             "  parked       at the store, waiting for what it builds on\n",
                             number_of(outbox, "parked"));
        if (number_of(outbox, "held"))
                (void)printf("  %8" PRId64
                             "  held         arrived; somebody must decide between two "
                             "values\n",
                             number_of(outbox, "held"));
        if (number_of(outbox, "late"))
                (void)printf("  %8" PRId64 "  late         arrived after the person had moved on\n",
                             number_of(outbox, "late"));
        if (number_of(outbox, "quarantined"))
                (void)printf("  %8" PRId64 "  REFUSED      see pannier quarantine\n",
                             number_of(outbox, "quarantined"));
        if (number_of(outbox, "damaged"))
                (void)printf("  %8" PRId64 "  DAMAGED      on this device's disk; tell IT\n",
                             number_of(outbox, "damaged"));
}

static void print_needs_you(const json_t *status)
{
        const json_t *outbox = json_object_get(status, "outbox");
        const json_t *drafts = json_object_get(status, "drafts");
        int64_t conflicts = number_of(status, "conflicts_open");

        if (!conflicts && !number_of(drafts, "old") && !number_of(outbox, "quarantined"))
                return;
        (void)printf("\nNeeds somebody:\n");
        if (conflicts)
                (void)printf("  %" PRId64 " to decide: pannier conflicts\n", conflicts);
        if (number_of(outbox, "quarantined"))
                (void)printf("  %" PRId64 " refused by the store: pannier quarantine\n",
                             number_of(outbox, "quarantined"));
        if (number_of(drafts, "old"))
                (void)printf("  %" PRId64 " unfinished for more than a day: pannier draft\n",
                             number_of(drafts, "old"));
}

/* Is what is shown here what the store has? */
static void print_proof(const json_t *status)
{
        const json_t *repairs = json_object_get(status, "repairs"), *scope;
        size_t i, proven = 0;

        json_array_foreach(json_object_get(status, "scopes"), i, scope) proven +=
                true_of(scope, "proven");
        if (true_of(status, "proven"))
                (void)printf("Proven equal to the store, in all scopes.\n");
        else
                (void)printf("Proven equal to the store in %zu scopes.\n", proven);
        if (number_of(repairs, "made") || number_of(repairs, "erased"))
                (void)printf("Put right: %" PRId64
                             " whose records were otherwise than the store's, "
                             "%" PRId64 " who should not have been here.\n",
                             number_of(repairs, "made"), number_of(repairs, "erased"));
        if (number_of(repairs, "faults"))
                (void)printf("%" PRId64 " COULD NOT BE PUT RIGHT; tell IT.\n",
                             number_of(repairs, "faults"));
        if (true_of(repairs, "contradiction"))
                (void)printf("The store contradicts itself about what should be here; tell IT.\n");
}

static void print_device(const struct context *context, const json_t *status)
{
        const json_t *exchange = json_object_get(status, "exchange");
        int64_t next_ms = instant_of(exchange, "next");

        (void)printf("\nHere: %" PRId64 " people, %zu scopes, %" PRId64 " drafts.\n",
                     number_of(status, "people"),
                     json_array_size(json_object_get(status, "scopes")),
                     number_of(json_object_get(status, "drafts"), "count"));
        print_proof(status);
        (void)printf("Device %s of %s.\n", text_of(status, "device"), text_of(status, "store"));
        if (true_of(exchange, "running"))
                (void)printf("An exchange is running.\n");
        else if (next_ms > context->now_ms)
                (void)printf("Next exchange in %s at the latest.\n",
                             age_text(next_ms - context->now_ms));
}

static void print_status(const struct context *context, const json_t *status)
{
        if (!true_of(status, "enrolled")) {
                (void)printf("This device is not enrolled: it has no store and holds nobody.\n"
                             "Ask IT for an enrolment link, then: pannier enrol LINK\n");
                return;
        }
        if (!json_object_get(status, "outbox")) {
                (void)printf("The daemon is opening its databases; ask again in a moment.\n");
                return;
        }
        print_verdict(context, status);
        print_counts(json_object_get(status, "outbox"));
        print_needs_you(status);
        print_device(context, status);
}

int command_status(struct context *context, int argc, char **argv)
{
        CLEANUP(json_freep) json_t *status = NULL;
        char **rest, *text;
        int count, r;
        int code = arguments_parse(context, argc, argv, NULL, 0, &rest, &count);

        if (code == ARGUMENTS_GIVEN && count)
                code = usage_error(context, "%s is not understood", rest[0]);
        if (code == ARGUMENTS_GIVEN)
                code = client_open(context, false);
        if (code != ARGUMENTS_GIVEN)
                return code;
        r = pannier_status(context->client, &text);
        if (r < 0)
                return client_failed(context, r);
        if (context->json)
                return client_print(text);
        status = client_json(context, text);
        if (!status)
                return EX_PROTOCOL;
        print_status(context, status);
        return EX_OK;
}

/* ---- sync ---- */

static json_t *get_status(struct context *context)
{
        char *text;
        int r = pannier_status(context->client, &text);

        if (r < 0) {
                (void)client_failed(context, r);
                return NULL;
        }
        return client_json(context, text);
}

/* An exchange that began after @asked_ms has ended. */
static bool has_ended(const json_t *status, int64_t asked_ms, int64_t count_before)
{
        const json_t *exchange = json_object_get(status, "exchange");

        return !true_of(exchange, "running") &&
               (instant_of(exchange, "last_attempt") >= asked_ms ||
                number_of(exchange, "count") > count_before) &&
               (has_problem(exchange) || number_of(exchange, "count") > count_before);
}

static int print_exchange(struct context *context, const json_t *status)
{
        const json_t *exchange = json_object_get(status, "exchange");

        if (context->json) {
                CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
                json_append(status, &text);
                buffer_append_text(&text, "\n");
                (void)fwrite(text.data, 1, text.size, stdout);
        } else {
                print_verdict(context, status);
                print_counts(json_object_get(status, "outbox"));
                if (!has_problem(exchange))
                        (void)printf("\nThe exchange took %" PRId64 " ms in %" PRId64
                                     " round trips: %" PRId64 " bytes sent, %" PRId64
                                     " received.\n",
                                     number_of(exchange, "last_duration_ms"),
                                     number_of(exchange, "last_round_trips"),
                                     number_of(exchange, "last_bytes_sent"),
                                     number_of(exchange, "last_bytes_received"));
        }
        return has_problem(exchange) ? EX_TEMPFAIL : EX_OK;
}

/* Ask, listen, and look at the status at each event, until the exchange that was asked for has ended. */
static int sync_and_wait(struct context *context, int64_t timeout_ms)
{
        struct pannier_events *events = NULL;
        CLEANUP(json_freep) json_t *status = get_status(context);
        int64_t asked_ms = clock_now_ms(), deadline_ms = clock_boot_ms() + timeout_ms;
        int64_t before = number_of(json_object_get(status, "exchange"), "count");
        int r = status ? pannier_events_open(context->socket, &events) : PANNIER_E_LINK;

        if (r >= 0)
                r = pannier_sync(context->client);
        while (r >= 0 && clock_boot_ms() < deadline_ms) {
                char *text = NULL;
                r = pannier_events_next(events, SYNC_POLL_MS, NULL, &text);
                if (r > 0)
                        pannier_text_free(text);
                json_decref(status);
                status = get_status(context);
                if (!status || has_ended(status, asked_ms, before))
                        break;
        }
        (void)pannier_events_free(events);
        if (r < 0 && status)
                return client_failed(context, r);
        if (!status)
                return EX_UNAVAILABLE;
        context->now_ms = clock_now_ms();
        if (!has_ended(status, asked_ms, before)) {
                (void)fprintf(stderr, "%s: the exchange has not ended in time; it goes on\n",
                              context->program);
                return EX_TEMPFAIL;
        }
        return print_exchange(context, status);
}

int command_sync(struct context *context, int argc, char **argv)
{
        const char *timeout = NULL;
        bool wait = false;
        const struct argument arguments[] = {{"wait", NULL, &wait}, {"timeout", &timeout, NULL}};
        char **rest, *end = NULL;
        int count, r;
        int code = arguments_parse(context, argc, argv, arguments, 2, &rest, &count);
        long seconds = timeout ? strtol(timeout, &end, 10) : SYNC_TIMEOUT_S;

        if (code == ARGUMENTS_GIVEN &&
            (count || (timeout && (*end || seconds < 1 || seconds > 86400))))
                code = usage_error(context, "%s is not understood", count ? rest[0] : timeout);
        if (code == ARGUMENTS_GIVEN)
                code = client_open(context, false);
        if (code != ARGUMENTS_GIVEN)
                return code;
        if (wait)
                return sync_and_wait(context, seconds * 1000);
        r = pannier_sync(context->client);
        if (r < 0)
                return client_failed(context, r);
        if (context->json)
                (void)puts("{\"asked\": true}");
        else
                (void)puts("An exchange begins now; pannier status shows what comes of it.");
        return EX_OK;
}

/* ---- enrol ---- */

int command_enrol(struct context *context, int argc, char **argv)
{
        char **rest;
        int count, r;
        int code = arguments_parse(context, argc, argv, NULL, 0, &rest, &count);

        if (code == ARGUMENTS_GIVEN && count != 1)
                code = usage_error(context, "give the enrolment link, in quotes");
        if (code == ARGUMENTS_GIVEN)
                code = client_open(context, false);
        if (code != ARGUMENTS_GIVEN)
                return code;
        pannier_set_timeout(context->client, ENROL_TIMEOUT_MS);
        r = pannier_enrol(context->client, rest[0]);
        if (r < 0)
                return client_failed(context, r);
        if (context->json)
                (void)puts("{\"enrolled\": true}");
        else
                (void)puts("This device is enrolled. It now fetches the people it is there for;\n"
                           "pannier status shows how far it is.");
        return EX_OK;
}
