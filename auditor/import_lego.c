#include "auditor/import_client.h"

#include <string.h>

#include "base/mem.h"

/*
 * lego: certificates/NAME.{crt,issuer.crt,key}, where NAME is the first
 * domain with _ for the asterisk; archives/ with what was revoked;
 * accounts/SERVER/EMAIL/account.json.
 */
static const struct import_pattern files[] = {
	{ "*.crt", IMPORT_CERT },
	{ "*.key", IMPORT_KEY },
	{ NULL, 0 },
};

/* The domain of a file: "_.shop.example.issuer.crt" is *.shop.example. */
static char *
lineage(const char *file)
{
	static const char *const	tails[] = { ".issuer.crt", ".crt",
	    ".key" };
	size_t				i, n = strlen(file), m;
	char				*s = mem_str(file);

	for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		m = strlen(tails[i]);
		if (n > m && strcmp(s + n - m, tails[i]) == 0) {
			s[n - m] = '\0';
			break;
		}
	}
	if (strncmp(s, "_.", 2) == 0)
		s[0] = '*';
	return s;
}

static const struct import_place places[] = {
	{ "certificates", NULL, files, lineage },
	{ "archives", NULL, files, lineage },
	{ NULL, NULL, NULL, NULL },
};

static const char *const marks[] = { "certificates", NULL };

static char *
account_url(const struct buf *b)
{
	return import_json_text(b, "registration", "uri");
}

const struct import_client import_lego = {
	.name = "lego",
	.marks = marks,
	.wanted = "no certificates/ under it (it is the --path of lego, "
	    "mostly .lego)",
	.places = places,
	.accounts = "accounts",
	.account_file = "account.json",
	.account_url = account_url,
};
