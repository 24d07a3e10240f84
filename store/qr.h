/* A text as a QR code on a terminal, two modules to a character cell, dark on light whatever the terminal's colours. */
#ifndef STORE_QR_H
#define STORE_QR_H

#include <stdio.h>

/* qr_print() - 0; PANNIER_E_LIMIT the text is too long for a QR code; PANNIER_E_SYSTEM */
int qr_print(const char *text, FILE *out);

#endif
