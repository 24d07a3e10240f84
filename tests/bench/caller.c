/*
 * A program on the device that calls the local API, as staff pages do: for measuring what it waits for.
 *
 *     caller SOCKET queue STAFF PEOPLE COUNT   record COUNT visits and observations, 100 a call
 *     caller SOCKET write STAFF PEOPLE COUNT   record COUNT observations, one a call
 *     caller SOCKET read STAFF PERSON          read until standard input ends: a list, a person, the observations
 *     caller SOCKET sync                       have an exchange begin, wait for its end; or say that one was in flight
 *     caller SOCKET await                      wait for the next exchange to begin and to end
 *
 * PEOPLE is a file of person ids, one a line. `await` says "listening" on standard output once it listens. The result is
 * one JSON object on one line; times are microseconds of the monotonic clock.
 */
#include "common/crypto.h"
#include "common/id.h"
#include "store/sample_words.h"
#include "tests/bench/rows.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
        TOGETHER = 100,
        PEOPLE_MAX = 1000,
        ANSWER_MAX = 4 << 20,
        SAMPLES_MAX = 1 << 20,
        VISIT_EVERY = 5, /* of the queue: as in W, one visit for four observations */
};

struct caller {
        const char *socket;
        int fd;
        const char *staff;
        char people[PEOPLE_MAX][UUID_TEXT_SIZE];
        size_t person_count;
        struct draw draw;
        char events[4096];
        char answer[ANSWER_MAX];
        size_t answer_size;
};

static void die(const char *what, ...) __attribute__((format(printf, 1, 2), noreturn));

static void die(const char *what, ...)
{
        va_list list;

        va_start(list, what);
        (void)fputs("caller: ", stderr);
        (void)vfprintf(stderr, what, list);
        (void)fputc('\n', stderr);
        va_end(list);
        exit(EXIT_FAILURE);
}

static int connect_to(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                die("cannot connect to %s: %s", path, strerror(errno));
        return fd;
}

static void send_all(int fd, const void *data, size_t size)
{
        const uint8_t *from = data;

        while (size > 0) {
                ssize_t sent = send(fd, from, size, MSG_NOSIGNAL);

                if (sent <= 0)
                        die("cannot send: %s", strerror(errno));
                from += sent;
                size -= (size_t)sent;
        }
}

static void receive_more(struct caller *caller)
{
        ssize_t got;

        if (caller->answer_size + 1 >= ANSWER_MAX)
                die("the answer is too long");
        got = recv(caller->fd, caller->answer + caller->answer_size,
                   ANSWER_MAX - caller->answer_size - 1, 0);
        if (got <= 0)
                die("the daemon closed the connection");
        caller->answer_size += (size_t)got;
        caller->answer[caller->answer_size] = 0;
}

/* One whole answer: its status. */
static int receive(struct caller *caller)
{
        const char *end, *length;

        caller->answer_size = 0;
        caller->answer[0] = 0;
        while (!(end = strstr(caller->answer, "\r\n\r\n")))
                receive_more(caller);
        length = strstr(caller->answer, "Content-Length: ");
        if (!length || length > end)
                die("an answer without a length");
        while (caller->answer_size <
               (size_t)(end + 4 - caller->answer) + strtoul(length + 16, NULL, 10))
                receive_more(caller);
        return (int)strtol(caller->answer + strlen("HTTP/1.1 "), NULL, 10);
}

static void put_request(struct buffer *out, const struct caller *caller, const char *method,
                        const char *path, struct bytes body)
{
        buffer_append_format(out, "%s %s HTTP/1.1\r\nHost: pannier\r\n", method, path);
        if (caller->staff)
                buffer_append_format(out, "Pannier-Staff: %s\r\n", caller->staff);
        if (body.size > 0)
                buffer_append_format(out, "Content-Type: application/json\r\n");
        buffer_append_format(out, "Content-Length: %zu\r\n\r\n", body.size);
        buffer_append(out, body);
}

static int call(struct caller *caller, const char *method, const char *path, struct bytes body)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

        put_request(&out, caller, method, path, body);
        send_all(caller->fd, out.data, out.size);
        return receive(caller);
}

/* ---- recording ---- */

static void load_people(struct caller *caller, const char *path)
{
        FILE *file = fopen(path, "re");

        if (!file)
                die("cannot open %s", path);
        while (caller->person_count < PEOPLE_MAX &&
               fscanf(file, "%36s", caller->people[caller->person_count]) == 1)
                caller->person_count++;
        (void)fclose(file);
        if (caller->person_count == 0)
                die("%s names nobody", path);
}

static void put_beginning(struct caller *caller, struct buffer *out, const char *type)
{
        char text[UUID_TEXT_SIZE];
        struct uuid request;
        uint8_t random[10];
        const char *person =
                caller->people[draw_below(&caller->draw, (uint32_t)caller->person_count)];

        crypto_random(random, sizeof(random));
        request = uuid_v7(1790000000000, random);
        uuid_format(&request, text);
        buffer_append_format(out,
                             "{\"request\":\"%s\",\"type\":\"%s\",\"person\":\"%s\",\"fields\":{",
                             text, type, person);
}

static void put_note(struct caller *caller, struct buffer *out, const char *name,
                     const struct words *words)
{
        char text[320];

        words_note(words, &caller->draw, text, sizeof(text));
        buffer_append_format(out, "\"%s\":\"%s\",", name, text);
}

static void put_visit(struct caller *caller, struct buffer *out)
{
        unsigned minute = draw_below(&caller->draw, 30);

        put_beginning(caller, out, "visit");
        buffer_append_format(out,
                             "\"setting\":\"home\",\"consent\":\"yes\","
                             "\"arrived\":\"2026-11-20T10:%02u:00.000Z\","
                             "\"left\":\"2026-11-20T10:%02u:30.000Z\",",
                             minute, minute + 29);
        put_note(caller, out, "subjective", &words_subjective);
        put_note(caller, out, "objective", &words_objective);
        put_note(caller, out, "assessment", &words_assessment);
        put_note(caller, out, "plan", &words_plan);
        buffer_append_format(out, "\"outcome\":\"completed\"}}");
}

static void put_observations(struct caller *caller, struct buffer *out)
{
        struct draw *draw = &caller->draw;

        put_beginning(caller, out, "observations");
        buffer_append_format(out,
                             "\"taken\":\"2026-11-20T10:%02u:00.000Z\",\"respiration\":%d,"
                             "\"spo2\":%d,\"oxygen\":\"air\",\"systolic\":%d,\"diastolic\":%d,"
                             "\"pulse\":%d,\"consciousness\":\"A\",\"temperature\":%d}}",
                             draw_below(draw, 60), draw_near(draw, 16, 2), draw_near(draw, 96, 1),
                             draw_near(draw, 132, 12), draw_near(draw, 78, 6),
                             draw_near(draw, 76, 8), draw_near(draw, 368, 4));
}

static void post_entries(struct caller *caller, struct bytes body)
{
        int status = call(caller, "POST", "/v1/entries", body);

        if (status != 201)
                die("not recorded: %d %.400s", status, strstr(caller->answer, "\r\n\r\n"));
}

static void run_queue(struct caller *caller, size_t count)
{
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        int64_t start = bench_now_us();

        for (size_t done = 0; done < count;) {
                buffer_reset(&body);
                buffer_append_byte(&body, '[');
                for (size_t i = 0; i < TOGETHER && done < count; i++, done++) {
                        if (i > 0)
                                buffer_append_byte(&body, ',');
                        if (done % VISIT_EVERY == 0)
                                put_visit(caller, &body);
                        else
                                put_observations(caller, &body);
                }
                buffer_append_byte(&body, ']');
                post_entries(caller, buffer_view(&body));
        }
        (void)printf("{\"entries\": %zu, \"us\": %" PRId64 "}\n", count, bench_now_us() - start);
}

/* ---- samples ---- */

struct samples {
        uint32_t *us;
        size_t count;
};

static void take_sample(struct samples *samples, int64_t us)
{
        if (!samples->us)
                samples->us = malloc(SAMPLES_MAX * sizeof(*samples->us));
        if (!samples->us)
                die("no memory");
        if (samples->count < SAMPLES_MAX)
                samples->us[samples->count++] = (uint32_t)us;
}

static void print_samples(const struct samples *samples, size_t good)
{
        (void)printf("{\"good\": %zu, \"us\": [", good);
        for (size_t i = 0; i < samples->count; i++)
                (void)printf("%s%" PRIu32, i > 0 ? "," : "", samples->us[i]);
        (void)printf("]}\n");
}

static void run_write(struct caller *caller, size_t count)
{
        CLEANUP(buffer_deinit) struct buffer body = BUFFER_INIT;
        struct samples samples = {0};

        for (size_t i = 0; i < count; i++) {
                int64_t start;

                buffer_reset(&body);
                put_observations(caller, &body);
                start = bench_now_us();
                post_entries(caller, buffer_view(&body));
                take_sample(&samples, bench_now_us() - start);
        }
        print_samples(&samples, count);
        free(samples.us);
}

static bool input_ended(void)
{
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

        return poll(&input, 1, 0) > 0;
}

static void run_read(struct caller *caller, const char *person)
{
        struct samples samples = {0};
        char paths[3][160];
        size_t good = 0;

        (void)snprintf(paths[0], sizeof(paths[0]), "/v1/people?limit=20");
        (void)snprintf(paths[1], sizeof(paths[1]), "/v1/people/%s", person);
        (void)snprintf(paths[2], sizeof(paths[2]),
                       "/v1/records?person=%s&type=observations&limit=20", person);
        for (size_t i = 0; !input_ended(); i++) {
                int64_t start = bench_now_us();
                int status = call(caller, "GET", paths[i % 3], BYTES_NONE);

                take_sample(&samples, bench_now_us() - start);
                good += status == 200;
        }
        print_samples(&samples, good);
        free(samples.us);
}

/* ---- exchanges ---- */

static void receive_event(struct caller *caller)
{
        size_t size = strlen(caller->events);
        ssize_t got = recv(caller->fd, caller->events + size, sizeof(caller->events) - size - 1, 0);

        if (got <= 0)
                die("no more events");
        caller->events[size + (size_t)got] = 0;
}

static void listen_to_exchanges(struct caller *caller)
{
        static const char request[] = "GET /v1/events?kinds=exchange HTTP/1.1\r\n"
                                      "Host: pannier\r\n\r\n";
        static const char ready[] = "event: listening\ndata: {}\n\n";

        caller->fd = connect_to(caller->socket);
        send_all(caller->fd, request, sizeof(request) - 1);
        while (!strstr(caller->events, ready)) {
                receive_event(caller);
                if (strlen(caller->events) >= 12 && memcmp(caller->events, "HTTP/1.1 200", 12) != 0)
                        die("no events: %s", caller->events);
        }
        caller->events[0] = 0;
}

/* The next event; a second one that came with it stays for the next call. */
static void await_exchange(struct caller *caller)
{
        static const char event[] = "event: exchange\ndata: {}\n\n";
        char *found;

        while (!(found = strstr(caller->events, event)))
                receive_event(caller);
        (void)memmove(caller->events, found + sizeof(event) - 1,
                      strlen(found + sizeof(event) - 1) + 1);
}

/* Is an exchange in flight? Asked on a connection of its own. */
static bool exchange_runs(struct caller *caller)
{
        int listener = caller->fd;
        bool runs;

        caller->fd = connect_to(caller->socket);
        if (call(caller, "GET", "/v1/status", BYTES_NONE) != 200)
                die("no status: %s", caller->answer);
        runs = strstr(caller->answer, "\"running\":true") != NULL;
        (void)close(caller->fd);
        caller->fd = listener;
        return runs;
}

static void ask_for_exchange(struct caller *caller)
{
        int listener = caller->fd;

        caller->fd = connect_to(caller->socket);
        if (call(caller, "POST", "/v1/sync", BYTES_NONE) != 202)
                die("sync is refused: %s", caller->answer);
        (void)close(caller->fd);
        caller->fd = listener;
}

/* From the event that says that an exchange began to the one that says that it ended. */
static void run_exchange(struct caller *caller, bool ask)
{
        bool busy = false;
        int64_t start;

        listen_to_exchanges(caller);
        for (; ask && exchange_runs(caller); busy = true)
                await_exchange(caller);
        if (busy) {
                (void)puts("{\"busy\": true}");
                return;
        }
        if (ask)
                ask_for_exchange(caller);
        else
                (void)puts("listening");
        (void)fflush(stdout);
        await_exchange(caller);
        start = bench_now_us();
        await_exchange(caller);
        (void)printf("{\"us\": %" PRId64 "}\n", bench_now_us() - start);
}

int main(int argc, char **argv)
{
        static struct caller caller;
        const char *verb = argc > 2 ? argv[2] : "";

        if (argc < 3)
                die("see the head of caller.c");
        caller.socket = argv[1];
        caller.draw.state = (uint64_t)getpid();
        if (argc > 3)
                caller.staff = argv[3];
        if (strcmp(verb, "sync") == 0 || strcmp(verb, "await") == 0) {
                run_exchange(&caller, verb[0] == 's');
                return 0;
        }
        if (argc < 5)
                die("see the head of caller.c");
        caller.fd = connect_to(caller.socket);
        if (strcmp(verb, "read") == 0) {
                run_read(&caller, argv[4]);
                return 0;
        }
        load_people(&caller, argv[4]);
        if (argc != 6)
                die("see the head of caller.c");
        if (strcmp(verb, "queue") == 0)
                run_queue(&caller, strtoul(argv[5], NULL, 10));
        else
                run_write(&caller, strtoul(argv[5], NULL, 10));
        return 0;
}
