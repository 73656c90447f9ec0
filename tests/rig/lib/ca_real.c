#include <dirent.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include "base/mem.h"
#include "tests/rig/lib/ca_cmd.h"
#include "tests/rig/lib/issue.h"
#include "tests/rig/lib/mint.h"

/* What "ca real" does and has done. */
struct real {
	struct issue_list logs;
	long		 max, done;
};

/* Submit each certificate of a PEM file as a chain of its own. */
static int
real_file(struct real *r, const char *path, struct err *e)
{
	FILE *f = fopen(path, "r");
	struct buf der = BUF_INIT, out = BUF_INIT;
	X509 *x;
	size_t i;
	int rc = 0;

	if (f == NULL)
		return 0;
	while (rc == 0 && r->done < r->max &&
	    (x = PEM_read_X509(f, NULL, NULL, NULL)) != NULL) {
		buf_reset(&der);
		mint_der(x, &der);
		X509_free(x);
		for (i = 0; i < r->logs.n && rc == 0; i++)
			rc = issue_submit(r->logs.v[i], "add-chain", &der, 1,
			    &out, e);
		r->done++;
	}
	fclose(f);
	buf_free(&der);
	buf_free(&out);
	return rc;
}

/* Every file of a folder that ends in .pem or .crt. */
static int
real_folder(struct real *r, const char *dir, struct err *e)
{
	struct dirent **list = NULL;
	char *path;
	const char *dot;
	int i, n = scandir(dir, &list, NULL, alphasort), rc = 0;

	for (i = 0; i < n; i++) {
		dot = strrchr(list[i]->d_name, '.');
		/* the bundle holds what the other files hold */
		if (rc == 0 && dot != NULL &&
		    strcmp(list[i]->d_name, "ca-certificates.crt") != 0 &&
		    (strcmp(dot, ".pem") == 0 || strcmp(dot, ".crt") == 0)) {
			path = mem_printf("%s/%s", dir, list[i]->d_name);
			rc = real_file(r, path, e);
			free(path);
		}
		free(list[i]);
	}
	free(list);
	return rc;
}

int
ca_real(int argc, char **argv, struct err *e)
{
	static const struct option opts[] = {
		{ "log", required_argument, NULL, 'l' },
		{ "max", required_argument, NULL, 'm' },
		{ NULL, 0, NULL, 0 }
	};
	static const char *const below[] =
	    { "certs/letsencrypt-issuers", "certs/cfssl_trust" };
	const char *data = getenv("CERTVIGIL_DATA");
	struct real r;
	char *path;
	size_t i;
	int c, rc;

	memset(&r, 0, sizeof(r));
	r.max = 1000000;
	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1)
		if (c == 'l')
			issue_add(&r.logs, optarg);
		else if (c == 'm')
			r.max = strtol(optarg, NULL, 10);
		else
			return err_set(e, ERR_USAGE, "real: see README.md");
	if (r.logs.n == 0)
		return err_set(e, ERR_USAGE, "real: needs --log URL");
	rc = real_folder(&r, "/etc/ssl/certs", e);
	for (i = 0; data != NULL && i < 2 && rc == 0; i++) {
		path = mem_printf("%s/%s", data, below[i]);
		rc = real_folder(&r, path, e);
		free(path);
	}
	if (rc == 0)
		printf("{\"submitted\":%ld}\n", r.done);
	return rc;
}
