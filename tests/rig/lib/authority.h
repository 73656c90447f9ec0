#ifndef RIG_AUTHORITY_H
#define RIG_AUTHORITY_H

#include <openssl/x509.h>

#include "base/err.h"

/* A CA of "ca init": its certificates, and the keys that it issues with. */
struct authority {
	X509		*root, *inter, *pre;
	EVP_PKEY	*root_key, *inter_key, *pre_key;
};

/* Read it from a folder; free it in any case. */
int authority_open(struct authority *, const char *, struct err *);
void authority_free(struct authority *);

#endif
