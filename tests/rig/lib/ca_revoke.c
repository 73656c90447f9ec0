#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/rig/lib/ca_cmd.h"
#include "tests/rig/lib/mint.h"
#include "tests/rig/lib/pub.h"
#include "tests/rig/lib/revdb.h"

struct revoke_opts {
	const char	*dir;
	const char	*issuer;	/* int, root; NULL: by the certificate */
	struct rev	 row;
	long		 done;
};

/* Is this certificate the root's? */
static int
by_root(const char *dir, const X509 *x)
{
	char *path = mem_printf("%s/root.pem", dir);
	X509 *root = mint_load(path, NULL);
	int yes = root != NULL && X509_NAME_cmp(X509_get_issuer_name(x),
	    X509_get_subject_name(root)) == 0;

	X509_free(root);
	free(path);
	return yes;
}

/* One serial in hex, or a file with a certificate. */
static int
revoke_one(struct revoke_opts *o, const char *what, struct err *e)
{
	const char *issuer = o->issuer;
	char *serial, *path;
	X509 *x = NULL;
	int rc;

	if (access(what, R_OK) == 0 && (x = mint_load(what, e)) == NULL)
		return -1;
	serial = x != NULL ? mint_serial(x) : mem_str(what);
	if (issuer == NULL)
		issuer = x != NULL && by_root(o->dir, x) ? "root" : "int";
	path = pub_list(o->dir, issuer, "revoked.txt");
	if (revdb_serial(serial, o->row.serial) == -1)
		rc = err_set(e, ERR_USAGE, "%s: is no certificate and no "
		    "serial in hex", what);
	else
		rc = revdb_append(path, &o->row, e);
	o->done += rc == 0;
	X509_free(x);
	free(serial);
	free(path);
	return rc;
}

/* Every line of a file. */
static int
revoke_file(struct revoke_opts *o, const char *path, struct err *e)
{
	FILE *f = fopen(path, "re");
	char line[256];
	int rc = 0;

	if (f == NULL)
		return err_set(e, ERR_SYS, "%s: cannot read", path);
	while (rc == 0 && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, " \t\r\n")] = '\0';
		if (line[0] != '\0')
			rc = revoke_one(o, line, e);
	}
	fclose(f);
	return rc;
}

static int
change(int argc, char **argv, int on, struct err *e)
{
	static const struct option opts[] = {
		{ "reason", required_argument, NULL, 'r' },
		{ "at", required_argument, NULL, 'a' },
		{ "issuer", required_argument, NULL, 'i' },
		{ "serials", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 }
	};
	struct revoke_opts o = { argv[0], NULL, { "", on, -1, time(NULL) },
	    0 };
	const char *file = NULL;
	int c, rc = 0;

	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1)
		if (c == 'r' && (o.row.reason = revdb_reason(optarg)) == -1)
			return err_set(e, ERR_USAGE, "--reason %s: no such "
			    "reason (RFC 5280, 5.3.1)", optarg);
		else if (c == 'a' && revdb_time(optarg, &o.row.at) == -1)
			return err_set(e, ERR_USAGE, "--at %s: must be a time "
			    "as 2026-01-31T00:00:00Z, or -SECONDS", optarg);
		else if (c == 'i')
			o.issuer = optarg;
		else if (c == 's')
			file = optarg;
		else if (c == '?')
			return err_set(e, ERR_USAGE, "see README.md");
	for (; optind < argc && rc == 0; optind++)
		rc = revoke_one(&o, argv[optind], e);
	if (rc == 0 && file != NULL)
		rc = revoke_file(&o, file, e);
	if (rc == 0)
		printf("{\"%s\":%ld}\n", on ? "revoked" : "unrevoked",
		    o.done);
	return rc;
}

int
ca_revoke(int argc, char **argv, struct err *e)
{
	return change(argc, argv, 1, e);
}

int
ca_unrevoke(int argc, char **argv, struct err *e)
{
	return change(argc, argv, 0, e);
}
