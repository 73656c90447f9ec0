#include <sys/stat.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/rig/lib/ca_cmd.h"
#include "tests/rig/lib/exts.h"
#include "tests/rig/lib/issue.h"
#include "tests/rig/lib/key.h"
#include "tests/rig/lib/mint.h"

struct init_opts {
	const char	*dir, *name, *type;
	struct issue_list crl, ocsp, aia;	/* of the intermediate */
	int		 owner_like;
};

/* One CA certificate in DIR/NAME.pem, recorded under its issuer. */
static X509 *
make_one(const struct init_opts *o, const char *name, struct mint *m,
    struct err *e)
{
	int inter = strcmp(name, "int") == 0, root = m->issuer == NULL;
	struct exts_urls urls = { &o->crl, &o->ocsp, &o->aia, 0, NULL };
	char *pem = mem_printf("%s/%s.pem", o->dir, name), *serial;
	X509 *x = mint_ca(m, root ? NULL : inter ? "serverAuth" :
	    "1.3.6.1.4.1.11129.2.4.4");

	if (inter)
		exts_pointers(x, &urls);
	mint_sign(x, m->signer);
	serial = mint_serial(x);
	if (mint_save(x, pem, "w", e) == -1 ||
	    issue_record(o->dir, inter || root ? "root" : "int", serial,
	    e) == -1) {
		X509_free(x);
		x = NULL;
	}
	free(pem);
	free(serial);
	return x;
}

static EVP_PKEY *
make_key(const char *dir, const char *name, const char *type, struct err *e)
{
	char *path = mem_printf("%s/%s.key", dir, name);
	EVP_PKEY *k = key_make(type, e);

	if (k != NULL && key_save(k, path, e) == -1) {
		EVP_PKEY_free(k);
		k = NULL;
	}
	free(path);
	return k;
}

static int
make_all(const struct init_opts *o, struct err *e)
{
	EVP_PKEY *rk = make_key(o->dir, "root", o->type, e);
	EVP_PKEY *ik = make_key(o->dir, "int", o->type, e);
	EVP_PKEY *pk = make_key(o->dir, "pre", o->type, e);
	char *cn = mem_printf("%s Root", o->name);
	struct mint m = { cn, o->name, "ZZ", NULL, rk, rk, 7300, 400, NULL };
	X509 *root = NULL, *inter = NULL, *pre = NULL;
	int rc = -1;

	if (rk == NULL || ik == NULL || pk == NULL ||
	    (root = make_one(o, "root", &m, e)) == NULL)
		goto out;
	free(cn);
	cn = mem_printf("%s CA 1", o->name);
	m.cn = o->owner_like ? "R13" : cn;
	if (o->owner_like) {
		m.org = "Let's Encrypt";
		m.country = "US";
	}
	m.issuer = root;
	m.key = ik;
	inter = make_one(o, "int", &m, e);
	if (inter == NULL)
		goto out;
	free(cn);
	cn = mem_printf("%s Precertificates", o->name);
	m.cn = cn;
	m.issuer = inter;
	m.signer = ik;
	m.key = pk;
	pre = make_one(o, "pre", &m, e);
	rc = pre == NULL ? -1 : 0;
out:
	X509_free(root);
	X509_free(inter);
	X509_free(pre);
	EVP_PKEY_free(rk);
	EVP_PKEY_free(ik);
	EVP_PKEY_free(pk);
	free(cn);
	return rc;
}

int
ca_init(int argc, char **argv, struct err *e)
{
	static const struct option opts[] = {
		{ "name", required_argument, NULL, 'n' },
		{ "key-type", required_argument, NULL, 'k' },
		{ "owner-like", no_argument, NULL, 'o' },
		{ "crl", required_argument, NULL, 'c' },
		{ "ocsp", required_argument, NULL, 'r' },
		{ "aia", required_argument, NULL, 'a' },
		{ NULL, 0, NULL, 0 }
	};
	struct init_opts o;
	int c;

	memset(&o, 0, sizeof(o));
	o.dir = argv[0];
	o.name = "Rig Trust";
	o.type = "p256";
	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1)
		if (c == 'n')
			o.name = optarg;
		else if (c == 'k')
			o.type = optarg;
		else if (c == 'o')
			o.owner_like = 1;
		else if (c == 'c')
			issue_add(&o.crl, optarg);
		else if (c == 'r')
			issue_add(&o.ocsp, optarg);
		else if (c == 'a')
			issue_add(&o.aia, optarg);
		else
			return err_set(e, ERR_USAGE, "init: see README.md");
	if (mkdir(o.dir, 0777) == -1 && errno != EEXIST)
		return err_set(e, ERR_SYS, "%s: cannot make it", o.dir);
	return make_all(&o, e);
}
