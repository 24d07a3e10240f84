#include "tests/unit/unit.h"

#include "common/base64.h"

#include <pannier/error.h>

/* RFC 4648 §10 */
static void the_published_vectors_hold(void **state)
{
        static const char *const vectors[][2] = {
                {"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"},
        };

        (void)state;
        for (size_t i = 0; i < COUNT(vectors); i++) {
                CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

                base64_encode(bytes_text(vectors[i][0]), &out);
                assert_text(buffer_view(&out), vectors[i][1]);
                buffer_reset(&out);
                assert_int_equal(base64_decode(bytes_text(vectors[i][1]), &out), 0);
                assert_text(buffer_view(&out), vectors[i][0]);
        }
}

static void every_byte_survives(void **state)
{
        uint8_t all[256];

        (void)state;
        for (size_t i = 0; i < sizeof(all); i++)
                all[i] = (uint8_t)(i * 7);
        for (size_t size = 0; size <= sizeof(all); size++) {
                CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
                CLEANUP(buffer_deinit) struct buffer back = BUFFER_INIT;

                base64_encode(BYTES(all, size), &text);
                assert_int_equal(base64_decode(buffer_view(&text), &back), 0);
                assert_bytes(buffer_view(&back), BYTES(all, size));
        }
}

static void line_breaks_are_passed_over(void **state)
{
        CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

        (void)state;
        assert_int_equal(base64_decode(bytes_text("Zm9v\r\nYm\nFy\r\n"), &out), 0);
        assert_text(buffer_view(&out), "foobar");
}

static void what_is_not_base64_is_refused(void **state)
{
        static const char *const wrong[] = {"Z",    "Zg",       "Zg=",  "Zg===",   "Z===",
                                            "====", "Zg==Zg==", "Zh==", "Zm9=",    "Zm9v!",
                                            "Zm9_", "Zm-v",     "=Zm9", "Zm9vYg=a"};

        (void)state;
        for (size_t i = 0; i < COUNT(wrong); i++) {
                CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

                assert_int_equal(base64_decode(bytes_text(wrong[i]), &out), PANNIER_E_MALFORMED);
        }
        { /* a NUL is not the end of the alphabet */
                CLEANUP(buffer_deinit) struct buffer out = BUFFER_INIT;

                assert_int_equal(base64_decode(BYTES("Zm9\0", 4), &out), PANNIER_E_MALFORMED);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_published_vectors_hold),
                cmocka_unit_test(every_byte_survives),
                cmocka_unit_test(line_breaks_are_passed_over),
                cmocka_unit_test(what_is_not_base64_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
