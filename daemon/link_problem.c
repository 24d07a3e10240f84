#include "daemon/link_problem.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

enum { ANY = -1 };

/* X509_V_ERR_* of <openssl/x509_vfy.h>, which only the crypto modules include. */
enum { VERIFY_NOT_YET_VALID = 9, VERIFY_EXPIRED = 10 };

/* The first row that fits decides. */
static const struct {
        int code;
        long verify;   /* ANY */
        long os_error; /* ANY */
        enum exchange_failure failure;
} transport_table[] = {
        {CURLE_COULDNT_RESOLVE_HOST, ANY, ANY, EXCHANGE_DNS},
        {CURLE_COULDNT_RESOLVE_PROXY, ANY, ANY, EXCHANGE_DNS},
        {CURLE_COULDNT_CONNECT, ANY, ECONNREFUSED, EXCHANGE_STORE_UNAVAILABLE},
        {CURLE_COULDNT_CONNECT, ANY, ANY, EXCHANGE_OFFLINE},
        {CURLE_OPERATION_TIMEDOUT, ANY, ANY, EXCHANGE_OFFLINE},
        {CURLE_PEER_FAILED_VERIFICATION, VERIFY_EXPIRED, ANY, EXCHANGE_CERTIFICATE_EXPIRED},
        {CURLE_PEER_FAILED_VERIFICATION, VERIFY_NOT_YET_VALID, ANY, EXCHANGE_CLOCK_WRONG},
        {CURLE_PEER_FAILED_VERIFICATION, ANY, ANY, EXCHANGE_TLS_UNTRUSTED},
        {CURLE_SSL_ISSUER_ERROR, ANY, ANY, EXCHANGE_TLS_UNTRUSTED},
        {CURLE_SSL_CONNECT_ERROR, ANY, ANY, EXCHANGE_TLS_UNTRUSTED},
        {CURLE_SSL_CACERT_BADFILE, ANY, ANY, EXCHANGE_TLS_UNTRUSTED},
        {CURLE_SSL_CERTPROBLEM, ANY, ANY, EXCHANGE_REFUSED}, /* our own file */
        {CURLE_WEIRD_SERVER_REPLY, ANY, ANY, EXCHANGE_PROTOCOL},
        {CURLE_WRITE_ERROR, ANY, ANY, EXCHANGE_PROTOCOL}, /* the answer is past our limit */
        {CURLE_UNSUPPORTED_PROTOCOL, ANY, ANY, EXCHANGE_PROTOCOL},
        /* Everything else breaks off on the way: what a lost signal looks like. */
        {ANY, ANY, ANY, EXCHANGE_OFFLINE},
};

static const struct {
        int first, last; /* status */
        enum exchange_failure failure;
} status_table[] = {
        {200, 299, EXCHANGE_OK},
        {300, 399, EXCHANGE_PROTOCOL},
        {401, 401, EXCHANGE_REFUSED},
        {403, 403, EXCHANGE_REFUSED},
        {404, 404, EXCHANGE_REFUSED}, /* unknown and not yours look alike */
        {426, 426, EXCHANGE_UPGRADE},
        {429, 429, EXCHANGE_RATE_LIMITED},
        {400, 499, EXCHANGE_PROTOCOL},
        {511, 511, EXCHANGE_CAPTIVE_PORTAL},
        {500, 599, EXCHANGE_STORE_UNAVAILABLE},
};

/* In TLS 1.3 a store that does not take our certificate says so after the handshake, in an alert. */
static bool is_alert(const struct link_ending *ending)
{
        return ending->text && strstr(ending->text, "alert");
}

/* OpenSSL's words for a peer that went away in the middle of the handshake. */
static bool is_cut(const struct link_ending *ending)
{
        return ending->text && (strstr(ending->text, "SSL_ERROR_SYSCALL") ||
                                strstr(ending->text, "unexpected eof"));
}

/* Did the proxy end it, and why? EXCHANGE_OK: it did not. */
static enum exchange_failure proxy_problem(const struct link_ending *ending)
{
        if (!ending->proxied)
                return EXCHANGE_OK;
        if (ending->proxy_status == 511)
                return EXCHANGE_CAPTIVE_PORTAL;
        if (ending->proxy_status >= 500)
                return EXCHANGE_STORE_UNAVAILABLE; /* it works, and cannot reach the store */
        if (ending->proxy_status >= 300)
                return EXCHANGE_PROXY;
        if (ending->code == CURLE_PROXY ||
            (ending->code == CURLE_COULDNT_CONNECT && ending->os_error == ECONNREFUSED))
                return EXCHANGE_PROXY;
        return EXCHANGE_OK;
}

static enum exchange_failure transport_problem(const struct link_ending *ending)
{
        bool on_the_way = ending->code == CURLE_RECV_ERROR || ending->code == CURLE_SEND_ERROR ||
                          ending->code == CURLE_SSL_CONNECT_ERROR;
        enum exchange_failure proxy = proxy_problem(ending);
        size_t i = 0;

        if (proxy != EXCHANGE_OK)
                return proxy;
        if (on_the_way && is_alert(ending))
                return strstr(ending->text, "certificate expired") ? EXCHANGE_CERTIFICATE_EXPIRED
                                                                   : EXCHANGE_REFUSED;
        /* A connection that is cut while TLS is being agreed is a lost signal, not a stranger. */
        if (ending->code == CURLE_SSL_CONNECT_ERROR && (ending->os_error || is_cut(ending)))
                return EXCHANGE_OFFLINE;
        while ((transport_table[i].code != ANY && transport_table[i].code != ending->code) ||
               (transport_table[i].verify != ANY && transport_table[i].verify != ending->verify) ||
               (transport_table[i].os_error != ANY &&
                transport_table[i].os_error != ending->os_error))
                i++; /* the last row fits everything */
        return transport_table[i].failure;
}

enum exchange_failure link_problem(const struct link_ending *ending)
{
        if (ending->code != CURLE_OK)
                return transport_problem(ending);
        if (ending->status >= 200 && ending->status <= 299 && !ending->right_type)
                return EXCHANGE_PROTOCOL;
        for (size_t i = 0; i < sizeof(status_table) / sizeof(status_table[0]); i++)
                if (ending->status >= status_table[i].first &&
                    ending->status <= status_table[i].last)
                        return status_table[i].failure;
        return EXCHANGE_PROTOCOL;
}

bool link_suspects_portal(const struct link_ending *ending)
{
        return ending->code != CURLE_OK && link_problem(ending) == EXCHANGE_TLS_UNTRUSTED;
}

static bool leads_to(const char *location, const char *host)
{
        const char *begin = strstr(location, "://");
        size_t size = strlen(host);

        if (!begin)
                return true; /* relative: the same host */
        begin += 3;
        return strncasecmp(begin, host, size) == 0 && strchr(":/?#", begin[size]);
}

bool link_is_portal(int status, const char *location, const char *host)
{
        if (status == 511 || (status >= 200 && status <= 299))
                return true;
        return status >= 300 && status <= 399 && location && !leads_to(location, host);
}

int64_t link_retry_after_ms(struct bytes value)
{
        const int64_t day_s = 86400;
        int64_t seconds = 0;

        for (size_t i = 0; i < value.size; i++) {
                if (value.data[i] < '0' || value.data[i] > '9')
                        return 0;
                seconds = seconds * 10 + (value.data[i] - '0');
                if (seconds > day_s)
                        seconds = day_s;
        }
        return seconds * 1000;
}
