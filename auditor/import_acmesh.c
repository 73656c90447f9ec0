#include "auditor/import_client.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/*
 * acme.sh: NAME/ or NAME_ecc/ with NAME.{cer,csr,key,conf}, NAME.key.next
 * (the next key, with --always-force-new-domain-key), ca.cer, fullchain.cer,
 * and what was installed before in backup/; ca/SERVER/PATH/ca.conf.
 */
static const struct import_pattern files[] = {
	{ "*.cer", IMPORT_CERT },
	{ "*.csr", IMPORT_CSR },
	{ "*.key", IMPORT_KEY },
	{ "*.key.next", IMPORT_KEY },
	{ NULL, 0 },
};

static const struct import_pattern backups[] = {
	{ "cert.bak", IMPORT_CERT },
	{ "ca.bak", IMPORT_CERT },
	{ "fullchain.bak", IMPORT_CERT },
	{ "key.bak", IMPORT_KEY },
	{ NULL, 0 },
};

static const struct import_place places[] = {
	{ "", "", files, import_lineage },
	{ "", "backup", backups, import_lineage },
	{ NULL, NULL, NULL, NULL },
};

static const char *const marks[] = { "account.conf", NULL };

/* The value of a line ACCOUNT_URL='...' of its shell variables. */
static char *
account_url(const struct buf *b)
{
	static const char	 key[] = "ACCOUNT_URL=";
	const char		*p, *line = buf_text(b);
	size_t			 n;

	while (strncmp(line, key, sizeof(key) - 1) != 0) {
		if ((line = strchr(line, '\n')) == NULL)
			return NULL;
		line++;
	}
	p = line + sizeof(key) - 1;
	n = strcspn(p, "\r\n");
	if (n >= 2 && (p[0] == '\'' || p[0] == '"') && p[n - 1] == p[0]) {
		p++;
		n -= 2;
	}
	return mem_dup(p, n);
}

/* One with a --cert-home has the lineages alone: NAME/NAME.conf. */
static int
is(const struct import_tree *t)
{
	struct import_names	 v;
	char			*conf, *name;
	size_t			 i, n;
	int			 found = 0;

	if (import_tree_list(t, "", &v, NULL, NULL) == 0)
		for (i = 0; i < v.n && !found; i++) {
			name = mem_str(v.v[i]);
			n = strlen(name);
			if (n > 4 && strcmp(name + n - 4, "_ecc") == 0)
				name[n - 4] = '\0';
			conf = mem_printf("%s/%s.conf", v.v[i], name);
			found = import_tree_has(t, conf);
			free(conf);
			free(name);
		}
	import_names_free(&v);
	return found;
}

const struct import_client import_acmesh = {
	.name = "acme.sh",
	.marks = marks,
	.wanted = "no account.conf and no NAME/NAME.conf under it (it is "
	    "the --home or --cert-home of acme.sh, mostly .acme.sh)",
	.is = is,
	.places = places,
	.accounts = "ca",
	.account_file = "ca.conf",
	.account_url = account_url,
};
