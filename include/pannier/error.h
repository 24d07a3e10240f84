/*
 * Error codes of every Pannier library and program.
 *
 * 0 is success. A negative code says that something unexpected happened here: release what you own and
 * return the code unchanged. A positive value is an outcome that the function's own header names.
 */
#ifndef PANNIER_ERROR_H
#define PANNIER_ERROR_H

/* What libpannier exports; everything else is hidden. */
#if defined(__GNUC__)
#define PANNIER_API __attribute__((visibility("default")))
#else
#define PANNIER_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Calls that the library exports; everything else in it is hidden. */
#if defined(__GNUC__)
#define PANNIER_PUBLIC __attribute__((visibility("default")))
#else
#define PANNIER_PUBLIC
#endif

enum pannier_error {
        PANNIER_OK = 0,
        PANNIER_E_INVALID = -1,   /* what the caller gave is not acceptable; nothing was done */
        PANNIER_E_MALFORMED = -2, /* bytes of a peer or a file do not follow their format */
        PANNIER_E_LIMIT = -3,     /* a named limit was passed */
        PANNIER_E_REFUSED = -4,   /* not allowed to this device, staff member or role */
        PANNIER_E_NOT_FOUND = -5, /* no such thing, or not yours: the two look alike */
        PANNIER_E_TAKEN = -6,     /* the id is in use for other content */
        PANNIER_E_STORAGE = -7, /* the database or the disk could not do it; nothing was recorded */
        PANNIER_E_CORRUPT = -8, /* what was read back is not what was written */
        PANNIER_E_TOO_NEW = -9, /* written by, or needs, a newer Pannier */
        PANNIER_E_LINK = -10,   /* no answer from the other side; it may have acted */
        PANNIER_E_CRYPTO = -11, /* a key, certificate, signature or seal is not good */
        PANNIER_E_MEMORY = -12, /* out of memory */
        PANNIER_E_SYSTEM = -13, /* the operating system refused a call */
        PANNIER_E_BUSY = -14,   /* cannot be done now; ask again */
        PANNIER_E_INTERNAL = -15 /* our own bug: a promise between two modules was broken */
};

/**
 * pannier_error_name() - short, stable name of an error code, such as "invalid" or "not found"
 * @error: a value of enum pannier_error
 *
 * Return: a static string, "unknown" for a value that has no name; never NULL
 */
PANNIER_API PANNIER_PUBLIC const char *pannier_error_name(int error);

/**
 * pannier_error_exit_code() - exit code of sysexits.h that tells a shell what happened
 * @error: a value of enum pannier_error
 *
 * Return: 0 for success, otherwise 64 … 78; 70 (EX_SOFTWARE) for a value that has no name
 */
PANNIER_API PANNIER_PUBLIC int pannier_error_exit_code(int error);

#ifdef __cplusplus
}
#endif

#endif
