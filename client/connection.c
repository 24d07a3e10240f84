#include "client/connection.h"

#include "common/error.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 16 << 10 };

int64_t connection_clock_ms(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int connection_init(struct connection *connection, const char *path)
{
        memset(connection, 0, sizeof(*connection));
        connection->fd = -1;
        connection->input.limit = CONNECTION_ANSWER_MAX + HTTP1_HEAD_MAX;
        if (strlen(path) >= sizeof(connection->path) || !*path)
                return FAIL(PANNIER_E_INVALID, "the socket's path must have 1 to %zu bytes",
                            sizeof(connection->path) - 1);
        (void)snprintf(connection->path, sizeof(connection->path), "%s", path);
        return 0;
}

void connection_close(struct connection *connection)
{
        if (connection->fd >= 0)
                (void)close(connection->fd);
        connection->fd = -1;
        buffer_reset(&connection->input);
}

void connection_deinit(struct connection *connection)
{
        connection_close(connection);
        buffer_wipe(&connection->input);
}

static int connect_failed(const struct connection *connection, int error)
{
        if (error == EACCES || error == EPERM)
                return FAIL(PANNIER_E_REFUSED,
                            "this user may not use %s; is it in the socket's group?",
                            connection->path);
        if (error == ENOENT || error == ECONNREFUSED)
                return FAIL(PANNIER_E_LINK, "no pannierd listens on %s; is it running?",
                            connection->path);
        return FAIL(PANNIER_E_LINK, "cannot connect to %s: %s", connection->path, strerror(error));
}

int connection_open(struct connection *connection)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd;

        if (connection->fd >= 0)
                return 0;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return FAIL(PANNIER_E_SYSTEM, "cannot make a socket: %s", strerror(errno));
        memcpy(address.sun_path, connection->path, sizeof(address.sun_path));
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
                int error = errno;
                (void)close(fd);
                return connect_failed(connection, error);
        }
        connection->fd = fd;
        buffer_reset(&connection->input);
        return 0;
}

/* 1 ready, 0 too late */
static int wait_for(int fd, short events, int64_t deadline_ms)
{
        struct pollfd poller = {.fd = fd, .events = events};
        int r;

        do {
                int64_t left_ms = deadline_ms - connection_clock_ms();
                r = poll(&poller, 1,
                         left_ms < 0           ? 0
                         : left_ms > INT32_MAX ? INT32_MAX
                                               : (int)left_ms);
        } while (r < 0 && errno == EINTR);
        return r > 0;
}

int connection_receive(struct connection *connection, int64_t deadline_ms)
{
        uint8_t *place = buffer_reserve(&connection->input, CHUNK);
        ssize_t size;

        if (!place)
                return FAIL(PANNIER_E_LIMIT, "the daemon's answer is too large");
        do {
                if (!wait_for(connection->fd, POLLIN, deadline_ms))
                        return 0;
                size = recv(connection->fd, place, CHUNK, MSG_DONTWAIT);
        } while (size < 0 && (errno == EINTR || errno == EAGAIN));
        if (size <= 0)
                return FAIL(PANNIER_E_LINK, "the daemon closed the connection");
        connection->input.size += (size_t)size;
        return 1;
}

static int send_all(struct connection *connection, struct bytes data, int64_t deadline_ms)
{
        while (data.size) {
                ssize_t size =
                        send(connection->fd, data.data, data.size, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (size < 0 && errno == EAGAIN && wait_for(connection->fd, POLLOUT, deadline_ms))
                        continue;
                if (size < 0 && errno == EINTR)
                        continue;
                if (size < 0 && errno == EAGAIN)
                        return FAIL(PANNIER_E_LINK, "the daemon did not take the request in time");
                if (size < 0) /* it may have answered before it closed: read on */
                        return 0;
                data.data += size;
                data.size -= (size_t)size;
        }
        return 0;
}

static int read_head(struct connection *connection, int64_t deadline_ms, struct http1_head *ret)
{
        for (;;) {
                int r = http1_parse_answer(buffer_view(&connection->input), ret);
                if (r == 1 && ret->status == 100) {
                        size_t left = connection->input.size - ret->size;
                        memmove(connection->input.data, connection->input.data + ret->size, left);
                        connection->input.size = left;
                        continue;
                }
                if (r != 0)
                        return r < 0 ? r : 0;
                r = connection_receive(connection, deadline_ms);
                if (r == 0)
                        return FAIL(PANNIER_E_LINK, "the daemon did not answer in time");
                if (r < 0)
                        return r;
        }
}

static int read_body(struct connection *connection, int64_t deadline_ms,
                     const struct http1_head *head)
{
        if (head->codings || head->length > CONNECTION_ANSWER_MAX)
                return FAIL(PANNIER_E_LIMIT, "the daemon's answer is too large");
        while (connection->input.size < head->size + head->length) {
                int r = connection_receive(connection, deadline_ms);
                if (r == 0)
                        return FAIL(PANNIER_E_LINK, "the daemon did not answer in time");
                if (r < 0)
                        return r;
        }
        return 0;
}

static int call_once(struct connection *connection, struct bytes request, uint32_t timeout_ms,
                     bool with_body, struct http1_head *ret)
{
        int64_t deadline_ms = connection_clock_ms() + timeout_ms;
        bool kept = connection->fd >= 0;
        int r = connection_open(connection);

        if (r < 0)
                return r;
        buffer_reset(&connection->input);
        r = send_all(connection, request, deadline_ms);
        if (r >= 0)
                r = read_head(connection, deadline_ms, ret);
        if (r == PANNIER_E_LINK && kept && connection->input.size == 0 &&
            connection_clock_ms() < deadline_ms) {
                connection_close(connection);
                return call_once(connection, request, timeout_ms, with_body, ret);
        }
        if (r >= 0 && with_body)
                r = read_body(connection, deadline_ms, ret);
        if (r < 0)
                connection_close(connection);
        return r;
}

int connection_call(struct connection *connection, struct bytes request, uint32_t timeout_ms,
                    struct connection_answer *ret)
{
        struct http1_head head;
        int r = call_once(connection, request, timeout_ms, true, &head);

        if (r < 0)
                return r;
        ret->status = head.status;
        ret->body = BYTES(connection->input.data + head.size, (size_t)head.length);
        if (head.close) { /* the bytes stay in `input`; only the socket goes */
                (void)close(connection->fd);
                connection->fd = -1;
        }
        return 0;
}

int connection_stream(struct connection *connection, struct bytes request, uint32_t timeout_ms,
                      int *ret_status)
{
        struct http1_head head;
        int r = call_once(connection, request, timeout_ms, false, &head);
        size_t left;

        if (r < 0)
                return r;
        *ret_status = head.status;
        left = connection->input.size - head.size;
        memmove(connection->input.data, connection->input.data + head.size, left);
        connection->input.size = left;
        return 0;
}
