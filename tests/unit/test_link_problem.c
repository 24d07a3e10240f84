#include "daemon/link_problem.h"
#include "tests/unit/unit.h"

#include <curl/curl.h>
#include <errno.h>

static void test_every_ending_has_its_own_name(void **state)
{
        static const struct {
                struct link_ending ending;
                enum exchange_failure failure;
        } cases[] = {
                {{.status = 200, .right_type = true}, EXCHANGE_OK},
                {{.status = 204, .right_type = true}, EXCHANGE_OK},
                {{.status = 200, .right_type = false}, EXCHANGE_PROTOCOL},
                {{.status = 302}, EXCHANGE_PROTOCOL},
                {{.status = 400}, EXCHANGE_PROTOCOL},
                {{.status = 401}, EXCHANGE_REFUSED},
                {{.status = 403}, EXCHANGE_REFUSED},
                {{.status = 404}, EXCHANGE_REFUSED},
                {{.status = 426}, EXCHANGE_UPGRADE},
                {{.status = 429}, EXCHANGE_RATE_LIMITED},
                {{.status = 500}, EXCHANGE_STORE_UNAVAILABLE},
                {{.status = 503}, EXCHANGE_STORE_UNAVAILABLE},
                {{.status = 511}, EXCHANGE_CAPTIVE_PORTAL},
                {{.code = CURLE_COULDNT_RESOLVE_HOST}, EXCHANGE_DNS},
                {{.code = CURLE_COULDNT_CONNECT, .os_error = ENETUNREACH}, EXCHANGE_OFFLINE},
                {{.code = CURLE_COULDNT_CONNECT, .os_error = ECONNREFUSED},
                 EXCHANGE_STORE_UNAVAILABLE},
                {{.code = CURLE_OPERATION_TIMEDOUT}, EXCHANGE_OFFLINE},
                {{.code = CURLE_PARTIAL_FILE, .status = 200}, EXCHANGE_OFFLINE},
                {{.code = CURLE_GOT_NOTHING}, EXCHANGE_OFFLINE},
                {{.code = CURLE_PEER_FAILED_VERIFICATION, .verify = 10},
                 EXCHANGE_CERTIFICATE_EXPIRED},
                {{.code = CURLE_PEER_FAILED_VERIFICATION, .verify = 9}, EXCHANGE_CLOCK_WRONG},
                {{.code = CURLE_PEER_FAILED_VERIFICATION, .verify = 20}, EXCHANGE_TLS_UNTRUSTED},
                {{.code = CURLE_PEER_FAILED_VERIFICATION}, EXCHANGE_TLS_UNTRUSTED},
                {{.code = CURLE_SSL_CONNECT_ERROR, .text = "wrong version number"},
                 EXCHANGE_TLS_UNTRUSTED},
                {{.code = CURLE_SSL_CONNECT_ERROR, .os_error = ECONNRESET}, EXCHANGE_OFFLINE},
                {{.code = CURLE_SSL_CONNECT_ERROR, .text = "SSL_connect: SSL_ERROR_SYSCALL"},
                 EXCHANGE_OFFLINE},
                {{.code = CURLE_RECV_ERROR, .text = "tlsv13 alert certificate required"},
                 EXCHANGE_REFUSED},
                {{.code = CURLE_RECV_ERROR, .text = "sslv3 alert certificate expired"},
                 EXCHANGE_CERTIFICATE_EXPIRED},
                {{.code = CURLE_RECV_ERROR, .text = "Connection reset by peer"}, EXCHANGE_OFFLINE},
                {{.code = CURLE_WRITE_ERROR, .status = 200}, EXCHANGE_PROTOCOL},
                {{.code = CURLE_RECV_ERROR, .proxied = true, .proxy_status = 407}, EXCHANGE_PROXY},
                {{.code = CURLE_COULDNT_CONNECT, .proxied = true, .proxy_status = 403},
                 EXCHANGE_PROXY},
                {{.code = CURLE_RECV_ERROR, .proxied = true, .proxy_status = 502},
                 EXCHANGE_STORE_UNAVAILABLE},
                {{.code = CURLE_RECV_ERROR, .proxied = true, .proxy_status = 511},
                 EXCHANGE_CAPTIVE_PORTAL},
                {{.code = CURLE_COULDNT_CONNECT, .proxied = true, .os_error = ECONNREFUSED},
                 EXCHANGE_PROXY},
                {{.code = CURLE_COULDNT_CONNECT, .proxied = true, .os_error = ENETUNREACH},
                 EXCHANGE_OFFLINE},
                {{.code = CURLE_RECV_ERROR, .proxied = true, .proxy_status = 200},
                 EXCHANGE_OFFLINE},
                {{.status = 403, .proxied = true, .proxy_status = 200}, EXCHANGE_REFUSED},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(cases); i++)
                if (link_problem(&cases[i].ending) != cases[i].failure)
                        fail_msg("case %zu: %d instead of %d", i, link_problem(&cases[i].ending),
                                 cases[i].failure);
}

static void test_only_a_stranger_behind_tls_is_suspected_to_be_a_portal(void **state)
{
        struct link_ending stranger = {.code = CURLE_PEER_FAILED_VERIFICATION};
        struct link_ending expired = {.code = CURLE_PEER_FAILED_VERIFICATION, .verify = 10};
        struct link_ending refused = {.status = 403};

        (void)state;
        assert_true(link_suspects_portal(&stranger));
        assert_false(link_suspects_portal(&expired));
        assert_false(link_suspects_portal(&refused));
}

static void test_a_portal_gives_itself_away(void **state)
{
        (void)state;
        assert_true(link_is_portal(200, NULL, "store.example"));
        assert_true(link_is_portal(511, NULL, "store.example"));
        assert_true(link_is_portal(302, "http://login.example/?u=store.example", "store.example"));
        assert_true(link_is_portal(302, "http://store.example.evil/", "store.example"));
        assert_false(link_is_portal(301, "https://store.example/", "store.example"));
        assert_false(link_is_portal(301, "https://STORE.example:8443/x", "store.example"));
        assert_false(link_is_portal(302, "/login", "store.example"));
        assert_false(link_is_portal(404, NULL, "store.example"));
        assert_false(link_is_portal(0, NULL, "store.example"));
}

static void test_patience_is_asked_for_in_seconds(void **state)
{
        (void)state;
        assert_int_equal(link_retry_after_ms(bytes_text("120")), 120000);
        assert_int_equal(link_retry_after_ms(bytes_text("")), 0);
        assert_int_equal(link_retry_after_ms(bytes_text("Wed, 21 Oct 2026 07:28:00 GMT")), 0);
        assert_int_equal(link_retry_after_ms(bytes_text("99999999999999999999999")), 86400000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_ending_has_its_own_name),
                cmocka_unit_test(test_only_a_stranger_behind_tls_is_suspected_to_be_a_portal),
                cmocka_unit_test(test_a_portal_gives_itself_away),
                cmocka_unit_test(test_patience_is_asked_for_in_seconds),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
