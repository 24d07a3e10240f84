/*
 * libcurl's multi interface, driven by its socket callbacks: libcurl says which sockets and which time-out it waits
 * for, libevent waits, and each event is given back with curl_multi_socket_action(). Callbacks of libcurl never call
 * libcurl; finished transfers are collected after each action and reported from there.
 */
#include "daemon/link.h"

#include "common/crypto.h"
#include "common/error.h"
#include "daemon/link_problem.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

enum { PORTAL_MS = 5000, CONNECTIONS_KEPT = 4, HOST_MAX = 256 };

struct link_transfer {
        struct link *link;
        LIST_ENTRY(link_transfer) entry;
        CURL *curl;
        struct curl_slist *headers;
        struct buffer answer;
        char text[CURL_ERROR_SIZE];
        char wanted_type[64];
        char host[HOST_MAX];
        int64_t judge_at_ms;
        bool attached;
        bool counted; /* in link->carried */
        bool apart;   /* never in link->carried */
        /* While the transfer's problem is looked into: the answer it will give. */
        bool probing;
        char detail[CURL_ERROR_SIZE];
        link_done done;
        void *context;
};

struct link {
        struct event_base *base;
        struct link_options options;
        CURLM *multi;
        struct event *timer;
        uint64_t carried; /* bytes of transfers that have ended */
        bool stale;       /* its connections are of an identity that has changed */
        LIST_HEAD(, link_transfer) transfers;
};

static void collect(struct link *link);

static uint64_t bytes_of(const struct link_transfer *transfer)
{
        curl_off_t up = 0, down = 0;
        long request = 0, header = 0, connections = 0;

        (void)curl_easy_getinfo(transfer->curl, CURLINFO_SIZE_UPLOAD_T, &up);
        (void)curl_easy_getinfo(transfer->curl, CURLINFO_SIZE_DOWNLOAD_T, &down);
        (void)curl_easy_getinfo(transfer->curl, CURLINFO_REQUEST_SIZE, &request);
        (void)curl_easy_getinfo(transfer->curl, CURLINFO_HEADER_SIZE, &header);
        (void)curl_easy_getinfo(transfer->curl, CURLINFO_NUM_CONNECTS, &connections);
        return (uint64_t)up + (uint64_t)down + (uint64_t)request + (uint64_t)header +
               (uint64_t)connections * LINK_HANDSHAKE_BYTES;
}

/* Once a transfer, and once more for what it is turned into: curl's figures begin anew with curl_easy_reset(). */
static void count(struct link_transfer *transfer)
{
        if (!transfer->counted && !transfer->apart)
                transfer->link->carried += bytes_of(transfer);
        transfer->counted = true;
}

static struct link_transfer *link_transfer_free(struct link_transfer *transfer)
{
        if (!transfer)
                return NULL;
        if (transfer->attached) {
                count(transfer);
                (void)curl_multi_remove_handle(transfer->link->multi, transfer->curl);
                LIST_REMOVE(transfer, entry);
        }
        if (transfer->curl)
                curl_easy_cleanup(transfer->curl);
        curl_slist_free_all(transfer->headers);
        buffer_wipe(&transfer->answer);
        free(transfer);
        return NULL;
}
DEFINE_FREEP(link_transfer)

static void on_socket(evutil_socket_t fd, short what, void *context)
{
        struct link *link = context;
        int action =
                (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);
        int running;

        (void)curl_multi_socket_action(link->multi, fd, action, &running);
        collect(link);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
        struct link *link = context;
        int running;

        (void)fd;
        (void)what;
        (void)curl_multi_socket_action(link->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        collect(link);
}

static int set_socket(CURL *curl, curl_socket_t fd, int what, void *context, void *socket_event)
{
        struct link *link = context;
        struct event *event = socket_event;
        short wanted = (short)(EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) |
                               (what & CURL_POLL_OUT ? EV_WRITE : 0));

        (void)curl;
        if (event)
                event_free(event);
        event = NULL;
        if (what != CURL_POLL_REMOVE) {
                event = event_new(link->base, fd, wanted, on_socket, link);
                if (event)
                        (void)event_add(event, NULL);
        }
        (void)curl_multi_assign(link->multi, fd, event);
        return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *context)
{
        struct link *link = context;
        struct timeval timeout = {.tv_sec = timeout_ms / 1000,
                                  .tv_usec = (timeout_ms % 1000) * 1000};

        (void)multi;
        if (timeout_ms < 0)
                (void)event_del(link->timer);
        else
                (void)event_add(link->timer, &timeout);
        return 0;
}

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
        struct link_transfer *transfer = context;

        buffer_append(&transfer->answer, BYTES(data, size * count));
        return transfer->answer.failed ? 0 : size * count;
}

/* A device whose clock is far off judges certificates at the newest time it has reason to believe. */
static CURLcode set_judging_time(CURL *curl, void *tls_context, void *context)
{
        struct link_transfer *transfer = context;

        (void)curl;
        return crypto_tls_judge_at(tls_context, transfer->judge_at_ms) < 0 ? CURLE_SSL_CONNECT_ERROR
                                                                           : CURLE_OK;
}

static bool wanted_type(const struct link_transfer *transfer)
{
        const char *type = NULL;
        size_t size = strlen(transfer->wanted_type);

        if (size == 0)
                return true;
        (void)curl_easy_getinfo(transfer->curl, CURLINFO_CONTENT_TYPE, &type);
        return type && strncasecmp(type, transfer->wanted_type, size) == 0 &&
               strchr("; ", type[size]); /* also its end */
}

static struct link_ending ending_of(struct link_transfer *transfer, CURLcode code)
{
        struct link_ending ending = {.code = (int)code, .text = transfer->text};
        long status = 0;

        (void)curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
        (void)curl_easy_getinfo(transfer->curl, CURLINFO_SSL_VERIFYRESULT, &ending.verify);
        (void)curl_easy_getinfo(transfer->curl, CURLINFO_OS_ERRNO, &ending.os_error);
        ending.status = (int)status;
        ending.proxied = transfer->link->options.proxy != NULL;
        (void)curl_easy_getinfo(transfer->curl, CURLINFO_HTTP_CONNECTCODE, &status);
        ending.proxy_status = (int)status;
        ending.right_type = wanted_type(transfer);
        return ending;
}

/* Tell the caller, after everything that libcurl knows about the transfer is put away. */
static void finish(struct link_transfer *transfer, struct link_answer *answer)
{
        CLEANUP(link_transfer_freep) struct link_transfer *owned = transfer;

        (void)curl_multi_remove_handle(transfer->link->multi, transfer->curl);
        LIST_REMOVE(transfer, entry);
        count(transfer);
        transfer->attached = false;
        answer->body = buffer_view(&transfer->answer);
        transfer->done(transfer->context, answer);
}

static int attach(struct link_transfer *transfer)
{
        if (curl_multi_add_handle(transfer->link->multi, transfer->curl) != CURLM_OK)
                return FAIL(PANNIER_E_MEMORY, "libcurl cannot begin another transfer");
        if (!transfer->attached)
                LIST_INSERT_HEAD(&transfer->link->transfers, transfer, entry);
        transfer->attached = true;
        return 0;
}

/* Who answered is not the store. Ask in plain HTTP, as a browser would: a portal cannot resist. */
static int begin_probe(struct link_transfer *transfer)
{
        char url[HOST_MAX + 64];
        uint16_t port = transfer->link->options.portal_port;
        CURL *curl = transfer->curl;

        (void)snprintf(url, sizeof(url), "http://%s:%u/.well-known/pannier", transfer->host,
                       port ? port : 80u);
        (void)snprintf(transfer->detail, sizeof(transfer->detail), "%s", transfer->text);
        (void)curl_multi_remove_handle(transfer->link->multi, curl);
        buffer_reset(&transfer->answer);
        transfer->answer.limit = 64 << 10;
        transfer->probing = true;
        count(transfer);
        transfer->counted = false;
        curl_easy_reset(curl);
        if (curl_easy_setopt(curl, CURLOPT_URL, url) != CURLE_OK ||
            curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http") != CURLE_OK ||
            curl_easy_setopt(curl, CURLOPT_PROXY, "") != CURLE_OK ||
            curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
            curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L) != CURLE_OK ||
            curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)PORTAL_MS) != CURLE_OK ||
            curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer) != CURLE_OK ||
            curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer) != CURLE_OK ||
            curl_easy_setopt(curl, CURLOPT_PRIVATE, transfer) != CURLE_OK)
                return FAIL(PANNIER_E_MEMORY, "libcurl cannot ask for a captive portal");
        return attach(transfer);
}

static void probe_ended(struct link_transfer *transfer)
{
        struct link_answer answer = {.failure = EXCHANGE_TLS_UNTRUSTED, .detail = transfer->detail};
        const char *location = NULL;
        long status = 0;

        (void)curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
        (void)curl_easy_getinfo(transfer->curl, CURLINFO_REDIRECT_URL, &location);
        if (link_is_portal((int)status, location, transfer->host)) {
                answer.failure = EXCHANGE_CAPTIVE_PORTAL;
                answer.detail = "the network wants a sign-in page to be opened first";
        }
        buffer_reset(&transfer->answer);
        finish(transfer, &answer);
}

static int64_t retry_after(struct link_transfer *transfer)
{
        struct curl_header *header = NULL;

        if (curl_easy_header(transfer->curl, "Retry-After", 0, CURLH_HEADER, -1, &header) !=
            CURLHE_OK)
                return 0;
        return link_retry_after_ms(bytes_text(header->value));
}

static void transfer_ended(struct link_transfer *transfer, CURLcode code)
{
        struct link_ending ending = ending_of(transfer, code);
        struct link_answer answer = {.failure = link_problem(&ending),
                                     .status = ending.status,
                                     .retry_after_ms = retry_after(transfer)};

        if (transfer->probing) {
                probe_ended(transfer);
                return;
        }
        if (link_suspects_portal(&ending) && begin_probe(transfer) >= 0)
                return;
        if (code != CURLE_OK && !*transfer->text)
                (void)snprintf(transfer->text, sizeof(transfer->text), "%s",
                               curl_easy_strerror(code));
        else if (code == CURLE_OK && answer.failure != EXCHANGE_OK)
                (void)snprintf(transfer->text, sizeof(transfer->text), "the store answered %d %s",
                               ending.status,
                               ending.right_type ? "" : "with something that is not ours");
        answer.detail = answer.failure == EXCHANGE_OK ? "" : transfer->text;
        finish(transfer, &answer);
}

static void collect(struct link *link)
{
        CURLMsg *message;
        int left;

        while ((message = curl_multi_info_read(link->multi, &left))) {
                struct link_transfer *transfer = NULL;
                CURLcode code = message->data.result;
                if (message->msg != CURLMSG_DONE)
                        continue;
                (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
                transfer_ended(transfer, code);
        }
}

static int set_host(struct link_transfer *transfer, const char *url)
{
        CURLU *parts = curl_url();
        char *host = NULL;
        int r = 0;

        if (!parts || curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
            curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
            strlen(host) >= sizeof(transfer->host))
                r = FAIL(PANNIER_E_INVALID, "not an address of a store: %s", url);
        else
                (void)snprintf(transfer->host, sizeof(transfer->host), "%s", host);
        curl_free(host);
        curl_url_cleanup(parts);
        return r;
}

static CURLcode set_tls(struct link_transfer *transfer, const struct link_request *request)
{
        CURL *curl = transfer->curl;
        long verify = request->ca_file ? 1L : 0L;
        CURLcode code;

        code = curl_easy_setopt(curl, CURLOPT_SSLVERSION,
                                (long)CURL_SSLVERSION_TLSv1_3 | (long)CURL_SSLVERSION_MAX_TLSv1_3);
        if (code == CURLE_OK)
                code = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, verify);
        if (code == CURLE_OK)
                code = curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, verify * 2);
        if (code == CURLE_OK)
                code = curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
        if (code == CURLE_OK) /* the system's folder of roots would be asked besides the file */
                code = curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
        if (code == CURLE_OK && request->certificate_file)
                code = curl_easy_setopt(curl, CURLOPT_SSLCERT, request->certificate_file);
        if (code == CURLE_OK && request->key_file)
                code = curl_easy_setopt(curl, CURLOPT_SSLKEY, request->key_file);
        transfer->judge_at_ms = request->judge_at_ms;
        if (code == CURLE_OK && request->judge_at_ms)
                code = curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, set_judging_time);
        if (code == CURLE_OK && request->judge_at_ms)
                code = curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, transfer);
        return code;
}

static CURLcode set_limits(struct link_transfer *transfer, const struct link_request *request)
{
        const struct link_options *options = &transfer->link->options;
        CURL *curl = transfer->curl;
        uint32_t stall_s = request->stall_s ? request->stall_s : options->stall_s;
        CURLcode code;

        code = curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_ms);
        if (code == CURLE_OK)
                code = curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        if (code == CURLE_OK)
                code = curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)stall_s);
        if (code == CURLE_OK && request->timeout_ms)
                code = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
        transfer->answer.limit = request->answer_max ? request->answer_max : LINK_ANSWER_MAX;
        return code;
}

static CURLcode set_header(struct link_transfer *transfer, const char *name, const char *value)
{
        char line[128];
        struct curl_slist *more;

        (void)snprintf(line, sizeof(line), "%s: %s", name, value);
        more = curl_slist_append(transfer->headers, line);
        if (!more)
                return CURLE_OUT_OF_MEMORY;
        transfer->headers = more;
        return CURLE_OK;
}

static CURLcode set_body(struct link_transfer *transfer, const struct link_request *request)
{
        CURL *curl = transfer->curl;
        CURLcode code = CURLE_OK;

        if (request->media_type)
                code = set_header(transfer, "Content-Type", request->media_type);
        if (code == CURLE_OK && request->coding)
                code = set_header(transfer, "Content-Encoding", request->coding);
        if (code == CURLE_OK &&
            request->media_type) /* a round trip before each large body is not worth it */
                code = set_header(transfer, "Expect", "");
        if (code == CURLE_OK && request->wanted_type)
                code = set_header(transfer, "Accept", request->wanted_type);
        if (code == CURLE_OK && transfer->headers)
                code = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer->headers);
        if (code == CURLE_OK && request->media_type)
                code = curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                                        (curl_off_t)request->body.size);
        if (code == CURLE_OK && request->media_type)
                code = curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS,
                                        request->body.size ? (const char *)request->body.data : "");
        if (code == CURLE_OK && request->method)
                code = curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
        if (code == CURLE_OK && request->user) {
                code = curl_easy_setopt(curl, CURLOPT_USERNAME, request->user);
                if (code == CURLE_OK)
                        code = curl_easy_setopt(curl, CURLOPT_PASSWORD, request->password);
        }
        return code;
}

/* The one that is configured, or none: nothing of the environment. */
static CURLcode set_proxy(struct link_transfer *transfer)
{
        const struct link_options *options = &transfer->link->options;
        CURL *curl = transfer->curl;
        CURLcode code = curl_easy_setopt(curl, CURLOPT_PROXY, options->proxy ? options->proxy : "");

        if (code == CURLE_OK)
                code = curl_easy_setopt(curl, CURLOPT_NOPROXY, "");
        if (code != CURLE_OK || !options->proxy)
                return code;
        code = curl_easy_setopt(curl, CURLOPT_HTTPPROXYTUNNEL, 1L);
        if (code == CURLE_OK) /* its answers to CONNECT are not the store's */
                code = curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
        if (code == CURLE_OK && options->proxy_credentials)
                code = curl_easy_setopt(curl, CURLOPT_PROXYAUTH,
                                        (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
        if (code == CURLE_OK && options->proxy_credentials)
                code = curl_easy_setopt(curl, CURLOPT_PROXYUSERPWD, options->proxy_credentials);
        return code;
}

static CURLcode set_common(struct link_transfer *transfer, const struct link_request *request)
{
        CURL *curl = transfer->curl;
        CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, request->url);

        if (code == CURLE_OK)
                code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
        if (code == CURLE_OK)
                code = set_proxy(transfer);
        if (code == CURLE_OK)
                code = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        if (code ==
            CURLE_OK) /* a name server that hangs would hang the end of a transfer, and this loop with it */
                code = curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
        if (code == CURLE_OK)
                code = curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        if (code == CURLE_OK)
                code = curl_easy_setopt(curl, CURLOPT_USERAGENT, "pannierd/" PANNIER_VERSION);
        if (code == CURLE_OK)
                code = curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->text);
        if (code == CURLE_OK)
                code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
        if (code == CURLE_OK)
                code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
        if (code == CURLE_OK)
                code = curl_easy_setopt(curl, CURLOPT_PRIVATE, transfer);
        return code;
}

static int make_multi(struct link *link)
{
        if (link->multi)
                (void)curl_multi_cleanup(link->multi);
        link->stale = false;
        link->multi = curl_multi_init();
        if (!link->multi)
                return FAIL(PANNIER_E_MEMORY, "no memory for the link");
        if (curl_multi_setopt(link->multi, CURLMOPT_SOCKETFUNCTION, set_socket) != CURLM_OK ||
            curl_multi_setopt(link->multi, CURLMOPT_SOCKETDATA, link) != CURLM_OK ||
            curl_multi_setopt(link->multi, CURLMOPT_TIMERFUNCTION, set_timer) != CURLM_OK ||
            curl_multi_setopt(link->multi, CURLMOPT_TIMERDATA, link) != CURLM_OK ||
            curl_multi_setopt(link->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT) !=
                    CURLM_OK)
                return FAIL(PANNIER_E_SYSTEM, "this libcurl cannot run on an event loop");
        return 0;
}

int link_send(struct link *link, const struct link_request *request, link_done done, void *context,
              struct link_transfer **ret)
{
        CLEANUP(link_transfer_freep) struct link_transfer *transfer = calloc(1, sizeof(*transfer));
        CURLcode code;
        int r;

        if (!transfer)
                return FAIL(PANNIER_E_MEMORY, "no memory for a transfer");
        r = link->stale && LIST_EMPTY(&link->transfers) ? make_multi(link) : 0;
        if (r < 0)
                return r;
        transfer->link = link;
        transfer->done = done;
        transfer->apart = request->apart;
        transfer->context = context;
        transfer->curl = curl_easy_init();
        if (!transfer->curl)
                return FAIL(PANNIER_E_MEMORY, "libcurl cannot begin a transfer");
        r = set_host(transfer, request->url);
        if (r < 0)
                return r;
        (void)snprintf(transfer->wanted_type, sizeof(transfer->wanted_type), "%s",
                       request->wanted_type ? request->wanted_type : "");
        code = set_common(transfer, request);
        if (code == CURLE_OK)
                code = set_tls(transfer, request);
        if (code == CURLE_OK)
                code = set_limits(transfer, request);
        if (code == CURLE_OK)
                code = set_body(transfer, request);
        if (code != CURLE_OK)
                return FAIL(code == CURLE_OUT_OF_MEMORY ? PANNIER_E_MEMORY : PANNIER_E_INVALID,
                            "libcurl refuses the request: %s", curl_easy_strerror(code));
        r = attach(transfer);
        if (r < 0)
                return r;
        if (ret)
                *ret = transfer;
        (void)TAKE(transfer);
        return 0;
}

void link_cancel(struct link *link, struct link_transfer *transfer)
{
        (void)link;
        (void)link_transfer_free(transfer);
}

void link_forget(struct link *link)
{
        link->stale = true;
}

int link_library_start(void)
{
        return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK
                       ? 0
                       : FAIL(PANNIER_E_SYSTEM, "libcurl cannot start");
}

void link_library_end(void)
{
        curl_global_cleanup();
}

int link_new(struct event_base *base, const struct link_options *options, struct link **ret)
{
        CLEANUP(link_freep) struct link *link = calloc(1, sizeof(*link));
        const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
        int r;

        if (!link)
                return FAIL(PANNIER_E_MEMORY, "no memory for the link");
        if (!(version->features & CURL_VERSION_SSL))
                return FAIL(PANNIER_E_SYSTEM, "this libcurl has no TLS");
        if (!(version->features & CURL_VERSION_ASYNCHDNS))
                return FAIL(PANNIER_E_SYSTEM,
                            "this libcurl looks names up while everything else waits");
        link->base = base;
        link->options = *options;
        if (!link->options.connect_ms)
                link->options.connect_ms = LINK_CONNECT_MS;
        if (!link->options.stall_s)
                link->options.stall_s = LINK_STALL_S;
        LIST_INIT(&link->transfers);
        link->timer = evtimer_new(base, on_timer, link);
        if (!link->timer)
                return FAIL(PANNIER_E_MEMORY, "no memory for the link");
        r = make_multi(link);
        if (r < 0)
                return r;
        *ret = TAKE(link);
        return 0;
}

struct link *link_free(struct link *link)
{
        if (!link)
                return NULL;
        while (!LIST_EMPTY(&link->transfers))
                (void)link_transfer_free(LIST_FIRST(&link->transfers));
        if (link->multi)
                (void)curl_multi_cleanup(link->multi);
        if (link->timer)
                event_free(link->timer);
        free(link);
        return NULL;
}

int link_check_proxy(const char *proxy)
{
        CURLU *parts = curl_url();
        char *scheme = NULL, *port = NULL, *path = NULL;
        bool good = parts && curl_url_set(parts, CURLUPART_URL, proxy, 0) == CURLUE_OK &&
                    curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                    curl_url_get(parts, CURLUPART_PORT, &port, 0) == CURLUE_OK &&
                    curl_url_get(parts, CURLUPART_PATH, &path, 0) == CURLUE_OK &&
                    strcmp(scheme, "http") == 0 && strcmp(path, "/") == 0;

        curl_free(scheme);
        curl_free(port);
        curl_free(path);
        curl_url_cleanup(parts);
        return good ? 0
                    : FAIL(PANNIER_E_INVALID,
                           "a proxy is written http://HOST:PORT (name and password go into the "
                           "file "
                           "of proxy_credentials), not %s",
                           proxy);
}

uint64_t link_carried(const struct link *link)
{
        return link->carried;
}

uint64_t link_moving(const struct link *link)
{
        const struct link_transfer *transfer;
        uint64_t bytes = link->carried;

        LIST_FOREACH(transfer, &link->transfers, entry)
        bytes += transfer->counted || transfer->apart ? 0 : bytes_of(transfer);
        return bytes;
}

const char *link_library(void)
{
        return curl_version();
}
