#include "store/serve.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/file.h"
#include "common/log.h"
#include "common/notify.h"
#include "store/health.h"
#include "store/http.h"
#include "store/identity.h"
#include "store/layout.h"
#include "store/service.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum {
        LOOK_MS = 20,        /* between two looks whether all is finished, while stopping */
        RENEW_S = 3600,      /* between two looks at the server certificate's life */
        FILES_RESERVED = 64, /* databases, sockets of our own */
};

struct serve {
        const char *data;
        const struct store_settings *settings;
        int lock;
        struct event_base *base;
        struct store_identity *identity;
        struct service *service;
        struct http_server *server;
        struct health *health;
        struct event *signals[3], *renew, *look;
        int64_t stop_until_ms; /* 0: not stopping */
};

/* ---- the certificate ---- */

static size_t hosts_of(const struct serve *serve, char copy[SETTINGS_HOSTS_SIZE],
                       const char *ret[CA_HOST_MAX + 1])
{
        return settings_hosts(serve->settings, copy, ret);
}

/* Only the server's certificate may change while we run: the rest of the identity is borrowed everywhere. */
static int reload_certificate(struct serve *serve)
{
        CLEANUP(store_identity_freep) struct store_identity *fresh = NULL;
        struct tls_identity identity;
        int r = identity_load(serve->data, &fresh);

        if (r < 0)
                return r;
        identity = identity_tls(fresh);
        r = http_server_replace(serve->server, &identity);
        if (r < 0)
                return r;
        serve->identity->server_until_ms = fresh->server_until_ms;
        return 0;
}

static int renew_certificate(struct serve *serve)
{
        char copy[SETTINGS_HOSTS_SIZE];
        const char *hosts[CA_HOST_MAX + 1];
        size_t count = hosts_of(serve, copy, hosts);

        return identity_renew_server(serve->data, serve->identity, hosts, count, clock_now_ms());
}

static void on_renew(evutil_socket_t fd, short what, void *context)
{
        struct serve *serve = context;
        int r = renew_certificate(serve);

        (void)fd, (void)what;
        r = r > 0 ? reload_certificate(serve) : r;
        if (r < 0)
                log_failure(LOG_LEVEL_ERROR, r, "the server's certificate could not be renewed");
}

/* ---- signals ---- */

static void on_look(evutil_socket_t fd, short what, void *context)
{
        struct serve *serve = context;
        size_t busy = http_server_busy(serve->server);

        (void)fd, (void)what;
        if (busy && clock_boot_ms() < serve->stop_until_ms)
                return;
        if (busy)
                log_warning("%zu requests were not finished in time and are cut", busy);
        (void)event_base_loopbreak(serve->base);
}

static void on_stop(evutil_socket_t number, short what, void *context)
{
        struct serve *serve = context;
        const struct timeval often = {.tv_usec = (suseconds_t)LOOK_MS * 1000};

        (void)what;
        if (serve->stop_until_ms) { /* asked a second time: now */
                (void)event_base_loopbreak(serve->base);
                return;
        }
        log_info("stopping (signal %d)", (int)number);
        (void)notify_stopping();
        serve->stop_until_ms = clock_boot_ms() + serve->settings->stop_s * 1000;
        http_server_drain(serve->server);
        service_stopping(serve->service);
        (void)event_add(serve->look, &often);
}

static void on_reload(evutil_socket_t number, short what, void *context)
{
        int r = reload_certificate(context);

        (void)number, (void)what;
        if (r < 0)
                log_failure(LOG_LEVEL_ERROR, r, "the server's certificate stays as it was");
        else
                log_info("the server's certificate was read again");
}

static int set_events(struct serve *serve)
{
        const struct timeval hourly = {.tv_sec = RENEW_S};

        serve->signals[0] = evsignal_new(serve->base, SIGTERM, on_stop, serve);
        serve->signals[1] = evsignal_new(serve->base, SIGINT, on_stop, serve);
        serve->signals[2] = evsignal_new(serve->base, SIGHUP, on_reload, serve);
        serve->renew = event_new(serve->base, -1, EV_PERSIST, on_renew, serve);
        serve->look = event_new(serve->base, -1, EV_PERSIST, on_look, serve);
        if (!serve->renew || !serve->look || event_add(serve->renew, &hourly) < 0)
                return FAIL(PANNIER_E_MEMORY, "events");
        for (size_t i = 0; i < sizeof(serve->signals) / sizeof(serve->signals[0]); i++)
                if (!serve->signals[i] || event_add(serve->signals[i], NULL) < 0)
                        return FAIL(PANNIER_E_MEMORY, "signals");
        return 0;
}

/* ---- start and end ---- */

/* As many connections as files may be open; never more than the setting says. */
static size_t connection_limit(const struct store_settings *settings)
{
        size_t wanted = (size_t)settings->connections;
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return wanted;
        if (limit.rlim_cur < wanted + FILES_RESERVED) {
                limit.rlim_cur = limit.rlim_max < wanted + FILES_RESERVED ? limit.rlim_max
                                                                          : wanted + FILES_RESERVED;
                (void)setrlimit(RLIMIT_NOFILE, &limit);
                (void)getrlimit(RLIMIT_NOFILE, &limit);
        }
        if (limit.rlim_cur >= wanted + FILES_RESERVED)
                return wanted;
        wanted = limit.rlim_cur > (rlim_t)2 * FILES_RESERVED ? limit.rlim_cur - FILES_RESERVED
                                                             : limit.rlim_cur / 2;
        log_warning("only %zu connections: the limit of open files is %llu", wanted,
                    (unsigned long long)limit.rlim_cur);
        return wanted;
}

static int start_server(struct serve *serve, unsigned loops)
{
        const struct store_settings *settings = serve->settings;
        struct http_settings http = {
                .address = settings->address[0] ? settings->address : NULL,
                .port = (uint16_t)settings->port,
                .loop_count = loops,
                .limits = HTTP_LIMITS_DEFAULT,
                .identity = identity_tls(serve->identity),
                .context = serve->service,
        };
        int r;

        http.limits.connection_max = connection_limit(settings);
        http.limits.device_max = (unsigned)settings->device_connections;
        http.limits.stranger_max = (unsigned)settings->stranger_connections;
        http.limits.request_ms = settings->request_s * 1000;
        http.routes = service_routes(&http.route_count);
        r = http_server_new(&http, &serve->server);
        r = r < 0 ? r
                  : health_new(serve->base, (uint16_t)settings->health_port, serve->service,
                               serve->server, &serve->health);
        return r < 0 ? r : http_server_start(serve->server);
}

static int start(struct serve *serve)
{
        unsigned loops = service_thread_count(serve->settings->loops);
        char path[LAYOUT_PATH_MAX];
        int r = layout_path(serve->data, LAYOUT_LOCK, path);

        r = r < 0 ? r : file_lock(path, &serve->lock);
        if (r == PANNIER_E_BUSY)
                return FAIL(PANNIER_E_BUSY, "another process serves %s", serve->data);
        r = r < 0 ? r : identity_add_seal_key(serve->data);
        r = r < 0 ? r : identity_load(serve->data, &serve->identity);
        if (r < 0)
                return r;
        r = renew_certificate(serve);
        if (r > 0) {
                serve->identity = store_identity_free(serve->identity);
                r = identity_load(serve->data, &serve->identity);
        }
        if (r < 0)
                return r;
        if (evthread_use_pthreads() < 0 || !(serve->base = event_base_new()))
                return FAIL(PANNIER_E_MEMORY, "event loop");
        r = service_new(serve->data, serve->settings, serve->identity, loops, &serve->service);
        r = r < 0 ? r : set_events(serve);
        return r < 0 ? r : start_server(serve, loops);
}

static void say_ready(const struct serve *serve)
{
        char status[128];

        (void)snprintf(status, sizeof(status), "port=%u health_port=%u",
                       http_server_port(serve->server), health_port(serve->health));
        (void)printf("READY %s\n", status);
        (void)fflush(stdout);
        if (notify_ready(status) < 0)
                log_failure(LOG_LEVEL_WARNING, PANNIER_E_SYSTEM, "systemd could not be told");
        log_info("serving %s: %s", serve->data, status);
}

static void end(struct serve *serve)
{
        if (serve->server)
                http_server_stop(serve->server);
        if (serve->service)
                service_finish(serve->service);
        (void)health_free(serve->health);
        (void)http_server_free(serve->server);
        (void)service_free(serve->service);
        for (size_t i = 0; i < sizeof(serve->signals) / sizeof(serve->signals[0]); i++)
                if (serve->signals[i])
                        event_free(serve->signals[i]);
        if (serve->renew)
                event_free(serve->renew);
        if (serve->look)
                event_free(serve->look);
        if (serve->base)
                event_base_free(serve->base);
        (void)store_identity_free(serve->identity);
        if (serve->lock >= 0)
                file_unlock(serve->lock);
}

int store_serve(const char *data, const struct store_settings *settings)
{
        struct serve serve = {.data = data, .settings = settings, .lock = -1};
        int r;

        (void)signal(SIGPIPE, SIG_IGN);
        r = start(&serve);
        if (r >= 0) {
                say_ready(&serve);
                if (event_base_dispatch(serve.base) < 0)
                        r = FAIL(PANNIER_E_SYSTEM, "event loop");
        }
        end(&serve);
        if (r >= 0)
                log_info("stopped");
        return r;
}
