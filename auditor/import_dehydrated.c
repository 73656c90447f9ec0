#include "auditor/import_client.h"

/*
 * dehydrated: certs/NAME/{cert,chain,fullchain,privkey}-TIME.pem with links
 * to the newest, cert-TIME.csr, privkey.roll.pem (the next key, with
 * PRIVATE_KEY_ROLLOVER); archive/NAME/ with what --cleanup moved there;
 * accounts/ID/account_id.json.
 */
static const struct import_pattern files[] = {
	{ "cert*.pem", IMPORT_CERT },
	{ "chain*.pem", IMPORT_CERT },
	{ "fullchain*.pem", IMPORT_CERT },
	{ "cert*.csr", IMPORT_CSR },
	{ "privkey*.pem", IMPORT_KEY },
	{ NULL, 0 },
};

static const struct import_place places[] = {
	{ "certs", "", files, import_lineage },
	{ "archive", "", files, import_lineage },
	{ NULL, NULL, NULL, NULL },
};

static const char *const marks[] = { "certs", NULL };

static char *
account_url(const struct buf *b)
{
	return import_json_text(b, "url", NULL);
}

const struct import_client import_dehydrated = {
	.name = "dehydrated",
	.marks = marks,
	.wanted = "no certs/ under it (it is the BASEDIR of dehydrated, "
	    "mostly /var/lib/dehydrated)",
	.places = places,
	.accounts = "accounts",
	.account_file = "account_id.json",
	.account_url = account_url,
};
