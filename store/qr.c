#include "store/qr.h"

#include "common/error.h"

#include <errno.h>
#include <qrencode.h>
#include <stdbool.h>
#include <string.h>

enum { QUIET = 2 }; /* light modules around it; scanners manage with less than the standard's 4 */

static bool dark(const QRcode *code, int x, int y)
{
        if (x < 0 || y < 0 || x >= code->width || y >= code->width)
                return false;
        return code->data[y * code->width + x] & 1;
}

static void print_row(const QRcode *code, int y, FILE *out)
{
        static const char *const cells[] = {" ", "▄", "▀", "█"};

        (void)fputs("\033[30;107m", out); /* black on bright white */
        for (int x = -QUIET; x < code->width + QUIET; x++)
                (void)fputs(cells[(dark(code, x, y) ? 2 : 0) + (dark(code, x, y + 1) ? 1 : 0)],
                            out);
        (void)fputs("\033[0m\n", out);
}

int qr_print(const char *text, FILE *out)
{
        QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);

        if (!code)
                return FAIL(PANNIER_E_LIMIT, "no QR code for %zu characters", strlen(text));
        for (int y = -QUIET; y < code->width + QUIET; y += 2)
                print_row(code, y, out);
        QRcode_free(code);
        return ferror(out) ? FAIL(PANNIER_E_SYSTEM, "%s", strerror(errno)) : 0;
}
