#ifndef AUDITOR_IMPORT_CLIENT_H
#define AUDITOR_IMPORT_CLIENT_H

#include "auditor/import.h"

/* One ACME client: how it lays out its state directory. */

/* Files whose names match (fnmatch(3)) are of that kind; the first wins. */
struct import_pattern {
	const char		*name;		/* NULL ends them */
	enum import_kind	 kind;
};

struct import_place {
	const char			*dir;	/* "" is the directory itself */
	/* Below it: each lineage has a directory, and this part of it */
	const char			*sub;	/* NULL: the files lie in dir */
	const struct import_pattern	*patterns;
	/* The lineage of a file or directory name; free(), or NULL: none. */
	char				*(*lineage)(const char *);
};

struct import_client {
	const char			*name;
	/* One of these is there, else it is no directory of this client. */
	const char *const		*marks;
	const char			*wanted;	/* the same as text */
	int				 (*is)(const struct import_tree *);
	const struct import_place	*places;	/* dir NULL ends them */
	/* Accounts: in files of that name anywhere below that folder. */
	const char			*accounts;	/* NULL: none kept */
	const char			*account_file;
	/* The URL in such a file; free(), or NULL: none. */
	char				*(*account_url)(const struct buf *);
};

extern const struct import_client import_acmesh, import_certbot,
    import_dehydrated, import_lego, import_uacme;

/* The name of the folder is that of the lineage. */
char *import_lineage(const char *);

/* A string in JSON by its keys, one below the other; free(), or NULL. */
char *import_json_text(const struct buf *, const char *key, const char *sub);

#endif
