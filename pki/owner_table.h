#ifndef PKI_OWNER_TABLE_H
#define PKI_OWNER_TABLE_H

#include <stddef.h>

/* What pki/owner_gen.py wrote into pki/owner_table.c; for pki/owner.c only. */

/* A CA owner and its run of keys in owner_keys. */
struct owner_row {
	const char	*id;		/* CAA identifier (RFC 8659, 4.2) */
	const char	*contact;	/* for problem reports, or NULL */
	size_t		 first;
	size_t		 n;
};

/* What CCADB calls an owner. */
struct owner_alias {
	const char	*ccadb;
	const char	*id;
};

extern const struct owner_row	owner_rows[];
extern const size_t		owner_nrows;
extern const char *const	owner_keys[];	/* SHA-256 of SPKI, hex */
extern const struct owner_alias	owner_aliases[];
extern const size_t		owner_naliases;

#endif
