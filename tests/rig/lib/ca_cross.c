#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/rig/lib/authority.h"
#include "tests/rig/lib/ca_cmd.h"
#include "tests/rig/lib/exts.h"
#include "tests/rig/lib/issue.h"
#include "tests/rig/lib/mint.h"

struct cross_opts {
	const char	*dir, *other;
	const char	*cert;		/* root or int */
	const char	*out;		/* or NULL */
	struct issue_list crl, ocsp, aia;
	long		 days, age;
};

/* The same subject and key, signed by another root. */
static X509 *
cross_sign(const struct cross_opts *o, const struct authority *ca,
    const struct authority *other)
{
	int inter = strcmp(o->cert, "int") == 0;
	struct exts_urls urls = { &o->crl, &o->ocsp, &o->aia, 0, NULL };
	struct mint m = { NULL, NULL, NULL, other->root, other->root_key,
	    inter ? ca->inter_key : ca->root_key, o->days, o->age, NULL };
	X509 *x = mint_ca(&m, inter ? "serverAuth" : NULL);

	if (!X509_set_subject_name(x, X509_get_subject_name(inter ?
	    ca->inter : ca->root)))
		abort();
	exts_pointers(x, &urls);
	mint_sign(x, m.signer);
	return x;
}

static int
cross(const struct cross_opts *o, struct err *e)
{
	const char *slash = strrchr(o->other, '/');
	char *path = o->out != NULL ? mem_str(o->out) :
	    mem_printf("%s/cross-%s.pem", o->dir, slash == NULL ? o->other :
	    slash + 1), *serial = NULL;
	struct authority ca, other;
	X509 *x = NULL;
	int rc = -1;

	memset(&other, 0, sizeof(other));
	if (authority_open(&ca, o->dir, e) == -1 ||
	    authority_open(&other, o->other, e) == -1)
		goto out;
	x = cross_sign(o, &ca, &other);
	serial = mint_serial(x);
	if (mint_save(x, path, "w", e) == -1 ||
	    issue_record(o->other, "root", serial, e) == -1)
		goto out;
	printf("{\"file\":\"%s\",\"serial\":\"%s\"}\n", path, serial);
	rc = 0;
out:
	X509_free(x);
	authority_free(&ca);
	authority_free(&other);
	free(serial);
	free(path);
	return rc;
}

int
ca_cross(int argc, char **argv, struct err *e)
{
	static const struct option opts[] = {
		{ "cert", required_argument, NULL, 't' },
		{ "out", required_argument, NULL, 'o' },
		{ "crl", required_argument, NULL, 'c' },
		{ "ocsp", required_argument, NULL, 'r' },
		{ "aia", required_argument, NULL, 'a' },
		{ "days", required_argument, NULL, 'd' },
		{ "age", required_argument, NULL, 'g' },
		{ NULL, 0, NULL, 0 }
	};
	struct cross_opts o;
	int c;

	memset(&o, 0, sizeof(o));
	o.dir = argv[0];
	o.cert = "root";
	o.days = 3650;
	o.age = 10;
	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1)
		if (c == 't')
			o.cert = optarg;
		else if (c == 'o')
			o.out = optarg;
		else if (c == 'c')
			issue_add(&o.crl, optarg);
		else if (c == 'r')
			issue_add(&o.ocsp, optarg);
		else if (c == 'a')
			issue_add(&o.aia, optarg);
		else if (c == 'd')
			o.days = strtol(optarg, NULL, 10);
		else if (c == 'g')
			o.age = strtol(optarg, NULL, 10);
		else
			return err_set(e, ERR_USAGE, "see README.md");
	if (optind + 1 != argc)
		return err_set(e, ERR_USAGE, "needs the folder of the other "
		    "CA");
	o.other = argv[optind];
	return cross(&o, e);
}
