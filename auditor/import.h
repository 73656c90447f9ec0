#ifndef AUDITOR_IMPORT_H
#define AUDITOR_IMPORT_H

#include <jansson.h>
#include <stddef.h>

#include "auditor/import_tree.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * The state directories of other ACME clients (certbot, lego, acme.sh,
 * dehydrated, uacme): which files in them are certificates, requests and keys,
 * of which lineage, and which accounts ordered them.  Files are only read
 * here; nothing in them is parsed but the descriptions of accounts.
 */
enum import_kind {
	IMPORT_CERT,		/* one or several */
	IMPORT_CSR,
	IMPORT_KEY		/* private: wiped when this is freed */
};

struct import_file {
	enum import_kind	 kind;
	char			*lineage;	/* NULL: belongs to none */
	char			*path;		/* below the directory */
	struct buf		 bytes;
};

struct import_account {
	char	*url;		/* as accounturi has it */
	char	*path;		/* where it is written */
};

/* What was left out, and why. */
struct import_skip {
	char	*path;
	char	*why;		/* one sentence */
	int	 bad;		/* it should have been read */
};

struct import {
	const char		*client;	/* of the table; static */
	struct import_tree	 tree;
	struct import_file	*files;
	size_t			 nfiles, capfiles;
	struct import_account	*accounts;
	size_t			 naccounts, capaccounts;
	struct import_skip	*skips;
	size_t			 nskips, capskips;
	size_t			 skipped, bad;	/* also those not kept */
	json_t			*seen;		/* paths, links followed */
};

/*
 * Read the directory of that client.  0, or -1: ERR_USAGE (no such client, or
 * this is no such directory: the message says what was expected), ERR_NOENT,
 * ERR_PERM, ERR_LIMIT.  Single files that cannot be read are only skipped.
 * import_free() in any case.
 */
int import_read(struct import *, const char *client, const char *dir,
    struct err *);
void import_free(struct import *);

/* Note what was left out; ${bad}: although it should have been there. */
void import_skip(struct import *, const char *path, int bad,
    const char *why, ...) __attribute__((format(printf, 4, 5)));

/* Note the URL of an account; what is no such URL is skipped. */
void import_account(struct import *, const char *url, const char *path);

/* "certbot, lego, ..." for messages; static. */
const char *import_clients(void);

#endif
