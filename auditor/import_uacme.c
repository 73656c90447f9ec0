#include "auditor/import_client.h"

/*
 * uacme: NAME/cert.pem with the chain in it, NAME/cert-TIME.pem before,
 * NAME/revoked-TIME.pem; private/NAME/key.pem, reused at each renewal;
 * private/key.pem is the account's, whose URL is not written down.
 */
static const struct import_pattern certs[] = {
	{ "cert*.pem", IMPORT_CERT },
	{ "revoked*.pem", IMPORT_CERT },
	{ NULL, 0 },
};

static const struct import_pattern keys[] = {
	{ "key*.pem", IMPORT_KEY },
	{ NULL, 0 },
};

static const struct import_place places[] = {
	{ "", "", certs, import_lineage },
	{ "private", "", keys, import_lineage },
	{ NULL, NULL, NULL, NULL },
};

static const char *const marks[] = { "private", NULL };

const struct import_client import_uacme = {
	.name = "uacme",
	.marks = marks,
	.wanted = "no private/ under it (it is the --confdir of uacme, "
	    "mostly /etc/ssl/uacme)",
	.places = places,
};
