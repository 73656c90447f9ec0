#ifndef AUDITOR_CMD_MATERIAL_H
#define AUDITOR_CMD_MATERIAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cur.h"
#include "base/err.h"

/*
 * Certificates and certificate requests from files that a person names: PEM
 * with several of them, DER, folders recursively, standard input ("-").
 * Private keys among them are passed over and wiped.
 */
struct material {
	int		 csr;		/* a request (RFC 2986) */
	int		 ca;		/* a CA's certificate */
	uint8_t		*der;		/* owned */
	size_t		 nder;
	char		*place;		/* file; owned */
	char		*lineage;	/* of an ACME client; NULL; owned */
	int		 next;		/* a key alone: one to be used next */
	uint8_t		 tbs[32];	/* certificate only */
	uint8_t		 spki[32];
	char		**names;	/* folded, distinct; each owned */
	size_t		 nnames, capnames;
	int64_t		 not_after;	/* certificate only */
	char		 key_type[24];
};

struct material_set {
	struct material	*v;
	size_t		 n, cap;
	size_t		 files;		/* read */
	size_t		 without;	/* files with nothing in them */
};

/*
 * Read one path ("-" is standard input).  A file that is named and has
 * nothing in it is ERR_FORMAT; files in folders are only counted then.
 * 0 or -1.
 */
int material_read(struct material_set *, const char *path, struct err *);

/* The same from bytes that are there; ${place} is for messages. */
int material_parse(struct material_set *, const void *, size_t,
    const char *place, struct err *);

void material_free(struct material_set *);

/* Fold a name and add it unless it is there. */
void material_name(struct material *, const char *);

#endif
