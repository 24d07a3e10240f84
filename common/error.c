#include "common/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* Per thread, so that a loop on another core never overwrites the reason that this one is about to report. */
static _Thread_local struct {
        const char *file;
        int line;
        char text[ERROR_DETAIL_MAX];
        char place[ERROR_DETAIL_MAX];
} detail;

void error_note(const char *file, int line, const char *format, ...)
{
        char text[ERROR_DETAIL_MAX]; /* the old detail may be an argument of the new one */
        va_list arguments;

        va_start(arguments, format);
        if (vsnprintf(text, sizeof(text), format, arguments) < 0)
                text[0] = '\0';
        va_end(arguments);
        memcpy(detail.text, text, sizeof(text));
        detail.file = file;
        detail.line = line;
}

const char *error_detail(void)
{
        return detail.text;
}

const char *error_place(void)
{
        if (!detail.file)
                return "";
        (void)snprintf(detail.place, sizeof(detail.place), "%s:%d", detail.file, detail.line);
        return detail.place;
}

void error_clear(void)
{
        detail.text[0] = '\0';
        detail.file = NULL;
        detail.line = 0;
}

static const struct {
        const char *name;
        int exit_code;
} errors[] = {
        [-PANNIER_OK] = {"ok", EX_OK},
        [-PANNIER_E_INVALID] = {"invalid", EX_DATAERR},
        [-PANNIER_E_MALFORMED] = {"malformed", EX_DATAERR},
        [-PANNIER_E_LIMIT] = {"limit", EX_DATAERR},
        [-PANNIER_E_REFUSED] = {"refused", EX_NOPERM},
        [-PANNIER_E_NOT_FOUND] = {"not found", EX_NOINPUT},
        [-PANNIER_E_TAKEN] = {"taken", EX_CANTCREAT},
        [-PANNIER_E_STORAGE] = {"storage", EX_IOERR},
        [-PANNIER_E_CORRUPT] = {"corrupt", EX_IOERR},
        [-PANNIER_E_TOO_NEW] = {"too new", EX_PROTOCOL},
        [-PANNIER_E_LINK] = {"link", EX_UNAVAILABLE},
        [-PANNIER_E_CRYPTO] = {"crypto", EX_NOPERM},
        [-PANNIER_E_MEMORY] = {"memory", EX_OSERR},
        [-PANNIER_E_SYSTEM] = {"system", EX_OSERR},
        [-PANNIER_E_BUSY] = {"busy", EX_TEMPFAIL},
        [-PANNIER_E_INTERNAL] = {"internal", EX_SOFTWARE},
};

static const int error_count = (int)(sizeof(errors) / sizeof(errors[0]));

const char *pannier_error_name(int error)
{
        if (error > 0 || error <= -error_count)
                return "unknown";
        return errors[-error].name;
}

int pannier_error_exit_code(int error)
{
        if (error > 0 || error <= -error_count)
                return EX_SOFTWARE;
        return errors[-error].exit_code;
}
