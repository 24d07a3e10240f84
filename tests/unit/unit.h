/* What every unit test includes: cmocka with what it needs in front, and a few helpers of ours. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/bytes.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* assert_bytes() - same size and same content; shows both in hexadecimal where they differ */
#define assert_bytes(have, want) unit_assert_bytes((have), (want), __FILE__, __LINE__)
void unit_assert_bytes(struct bytes have, struct bytes want, const char *file, int line);

/* assert_text() - @have is exactly the NUL-terminated @want */
#define assert_text(have, want) unit_assert_bytes((have), bytes_text(want), __FILE__, __LINE__)

/* unit_hex() - append the bytes that @digits name to @out; blanks between them are passed over */
void unit_hex(const char *digits, struct buffer *out);

/*
 * A folder for one test, as its state: cmocka_unit_test_setup_teardown(test, unit_folder_make, unit_folder_remove).
 * *state is its path, a NUL-terminated string; everything in it is removed.
 */
int unit_folder_make(void **state);
int unit_folder_remove(void **state);

/* unit_path() - "folder/name"; borrowed until the eighth call from now */
const char *unit_path(void *const *state, const char *name);

/* unit_copy_database() - copy a closed database's file; @to loses its WAL. Where @from is not there, @to goes as well */
void unit_copy_database(const char *from, const char *to);

#endif
