#include "auditor/import_client.h"

/*
 * certbot: archive/LINEAGE/{cert,chain,fullchain,privkey}N.pem, and links to
 * the newest in live/LINEAGE; csr/NNNN_csr-certbot.pem and keys/ of all that
 * was ordered; accounts/SERVER/PATH/ID/regr.json.
 */
static const struct import_pattern versions[] = {
	{ "cert*.pem", IMPORT_CERT },
	{ "chain*.pem", IMPORT_CERT },
	{ "fullchain*.pem", IMPORT_CERT },
	{ "privkey*.pem", IMPORT_KEY },
	{ NULL, 0 },
};

static const struct import_pattern requests[] = {
	{ "*.pem", IMPORT_CSR },
	{ NULL, 0 },
};

static const struct import_pattern keys[] = {
	{ "*.pem", IMPORT_KEY },
	{ NULL, 0 },
};

static const struct import_place places[] = {
	{ "archive", "", versions, import_lineage },
	{ "live", "", versions, import_lineage },
	{ "csr", NULL, requests, NULL },
	{ "keys", NULL, keys, NULL },
	{ NULL, NULL, NULL, NULL },
};

static const char *const marks[] = { "archive", "live", NULL };

static char *
account_url(const struct buf *b)
{
	return import_json_text(b, "uri", NULL);
}

const struct import_client import_certbot = {
	.name = "certbot",
	.marks = marks,
	.wanted = "no archive/ and no live/ under it (it is mostly "
	    "/etc/letsencrypt)",
	.places = places,
	.accounts = "accounts",
	.account_file = "regr.json",
	.account_url = account_url,
};
