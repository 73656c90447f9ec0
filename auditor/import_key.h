#ifndef AUDITOR_IMPORT_KEY_H
#define AUDITOR_IMPORT_KEY_H

#include <stddef.h>
#include <stdint.h>

/*
 * The SHA-256 of the public half (SPKI, DER) of a private key in PEM, of any
 * kind that OpenSSL has.  0, or -1 and why not ("is encrypted").  Nothing of
 * the private half stays in memory of ours.
 */
int import_key_spki(const void *, size_t, uint8_t spki[32],
    const char **why);

#endif
