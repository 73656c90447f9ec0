#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/rig/lib/ca_cmd.h"
#include "tests/rig/lib/issue.h"

#define AT(field) offsetof(struct issue_opts, field)

enum kind { LIST, TEXT, NUMBER, FLAG };

/* Options: where their value goes. */
static const struct { const char *name; enum kind kind; size_t at; }
    issue_opts[] = {
	{ "name", LIST, AT(names) }, { "ip", LIST, AT(ips) },
	{ "raw-san", LIST, AT(raw) }, { "submit", LIST, AT(logs) },
	{ "crl", LIST, AT(crl) }, { "ocsp", LIST, AT(ocsp) },
	{ "aia", LIST, AT(aia) },
	{ "cn", TEXT, AT(cn) }, { "key", TEXT, AT(key) },
	{ "csr", TEXT, AT(csr) }, { "pubkey", TEXT, AT(pubkey) },
	{ "out", TEXT, AT(out) }, { "key-type", TEXT, AT(key_type) },
	{ "same-serial", TEXT, AT(same_serial) },
	{ "tls-scts", TEXT, AT(tls_scts) },
	{ "days", NUMBER, AT(days) }, { "age", NUMBER, AT(age) },
	{ "shards", NUMBER, AT(shards) }, { "sans", NUMBER, AT(sans) },
	{ "final-submit", FLAG, AT(final_submit) },
	{ "precert-only", FLAG, AT(precert_only) },
	{ "no-precert", FLAG, AT(no_precert) },
	{ "bad-signature", FLAG, AT(bad_signature) },
	{ "precert-signing-cert", FLAG, AT(presigner) },
	{ "malformed", FLAG, AT(malformed) },
	{ "no-san", FLAG, AT(no_san) },
	{ "must-staple", FLAG, AT(must_staple) },
	{ "bad-sct", FLAG, AT(bad_sct) },
	{ "unknown-sct", FLAG, AT(unknown_sct) },
	{ "sct-only", FLAG, AT(sct_only) },
};
enum { NOPTS = sizeof(issue_opts) / sizeof(issue_opts[0]) };

static void
set_option(struct issue_opts *o, int i, const char *text)
{
	void *at = (char *)o + issue_opts[i].at;

	switch (issue_opts[i].kind) {
	case LIST:
		issue_add(at, text);
		break;
	case TEXT:
		*(const char **)at = text;
		break;
	case NUMBER:
		*(long *)at = strtol(text, NULL, 10);
		break;
	default:
		*(int *)at = 1;
	}
}

int
ca_issue(int argc, char **argv, struct err *e)
{
	struct option opts[NOPTS + 1];
	struct issue_opts o;
	char *out = mem_printf("%s/cert", argv[0]);
	int c, rc;

	memset(&o, 0, sizeof(o));
	memset(opts, 0, sizeof(opts));
	o.dir = argv[0];
	o.key_type = "p256";
	o.days = 90;
	o.out = out;
	for (c = 0; c < NOPTS; c++) {
		opts[c].name = issue_opts[c].name;
		opts[c].has_arg = issue_opts[c].kind != FLAG;
		opts[c].val = 1000 + c;
	}
	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1) {
		if (c < 1000) {
			free(out);
			return err_set(e, ERR_USAGE, "issue: see README.md");
		}
		set_option(&o, c - 1000, optarg);
	}
	rc = issue_run(&o, e);
	free(out);
	return rc;
}
