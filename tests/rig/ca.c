/*
 * A certificate authority on the command line: precertificates, SCTs,
 * certificates, right ones and wrong ones.  README.md tells how to use it.
 */
#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include "base/mem.h"
#include "tests/rig/lib/b64.h"
#include "tests/rig/lib/issue.h"
#include "tests/rig/lib/key.h"
#include "tests/rig/lib/mint.h"

enum { OPT_NAME = 256, OPT_IP, OPT_RAW, OPT_SUBMIT, OPT_TEXT, OPT_NUMBER,
	OPT_FLAG };

/* Make one CA certificate with its key in DIR/NAME.{pem,key}. */
static X509 *
make_one(const char *dir, const char *name, struct mint *m, const char *eku,
    struct err *e)
{
	char *pem = mem_printf("%s/%s.pem", dir, name);
	X509 *x = mint_ca(m, eku);

	if (mint_save(x, pem, "w", e) == -1) {
		X509_free(x);
		x = NULL;
	}
	free(pem);
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

struct init_opts {
	const char	*dir, *name, *type;
	int		 owner_like;
};

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
	    (root = make_one(o->dir, "root", &m, NULL, e)) == NULL)
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
	inter = make_one(o->dir, "int", &m, "serverAuth", e);
	if (inter == NULL)
		goto out;
	free(cn);
	cn = mem_printf("%s Precertificates", o->name);
	m.cn = cn;
	m.issuer = inter;
	m.signer = ik;
	m.key = pk;
	pre = make_one(o->dir, "pre", &m, "1.3.6.1.4.1.11129.2.4.4", e);
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

static int
cmd_init(int argc, char **argv, struct err *e)
{
	static const struct option opts[] = {
		{ "name", required_argument, NULL, 'n' },
		{ "key-type", required_argument, NULL, 'k' },
		{ "owner-like", no_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 }
	};
	struct init_opts o = { argv[0], "Rig Trust", "p256", 0 };
	int c;

	while ((c = getopt_long(argc, argv, "", opts, NULL)) != -1)
		if (c == 'n')
			o.name = optarg;
		else if (c == 'k')
			o.type = optarg;
		else if (c == 'o')
			o.owner_like = 1;
		else
			return err_set(e, ERR_USAGE, "init: see README.md");
	if (mkdir(o.dir, 0777) == -1 && errno != EEXIST)
		return err_set(e, ERR_SYS, "%s: cannot make it", o.dir);
	return make_all(&o, e);
}

#define AT(field) offsetof(struct issue_opts, field)

/* Options of issue: where their value goes. */
static const struct { const char *name; int kind; size_t at; } issue_opts[] = {
	{ "name", OPT_NAME, 0 }, { "ip", OPT_IP, 0 },
	{ "raw-san", OPT_RAW, 0 }, { "submit", OPT_SUBMIT, 0 },
	{ "cn", OPT_TEXT, AT(cn) }, { "key", OPT_TEXT, AT(key) },
	{ "csr", OPT_TEXT, AT(csr) }, { "out", OPT_TEXT, AT(out) },
	{ "key-type", OPT_TEXT, AT(key_type) },
	{ "same-serial", OPT_TEXT, AT(same_serial) },
	{ "crl", OPT_TEXT, AT(crl) }, { "ocsp", OPT_TEXT, AT(ocsp) },
	{ "days", OPT_NUMBER, AT(days) }, { "age", OPT_NUMBER, AT(age) },
	{ "final-submit", OPT_FLAG, AT(final_submit) },
	{ "precert-only", OPT_FLAG, AT(precert_only) },
	{ "bad-signature", OPT_FLAG, AT(bad_signature) },
	{ "precert-signing-cert", OPT_FLAG, AT(presigner) },
	{ "malformed", OPT_FLAG, AT(malformed) },
};
enum { NOPTS = sizeof(issue_opts) / sizeof(issue_opts[0]) };

static void
add(const char **list, size_t *n, const char *text)
{
	if (*n < ISSUE_LIST)
		list[(*n)++] = text;
}

static void
set_option(struct issue_opts *o, int i, const char *text)
{
	void *at = (char *)o + issue_opts[i].at;

	switch (issue_opts[i].kind) {
	case OPT_NAME:
		add(o->names, &o->nnames, text);
		break;
	case OPT_IP:
		add(o->ips, &o->nips, text);
		break;
	case OPT_RAW:
		add(o->raw, &o->nraw, text);
		break;
	case OPT_SUBMIT:
		add(o->logs, &o->nlogs, text);
		break;
	case OPT_TEXT:
		*(const char **)at = text;
		break;
	case OPT_NUMBER:
		*(long *)at = strtol(text, NULL, 10);
		break;
	default:
		*(int *)at = 1;
	}
}

static int
cmd_issue(int argc, char **argv, struct err *e)
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
		opts[c].has_arg = issue_opts[c].kind != OPT_FLAG;
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

/* What "ca real" does and has done. */
struct real {
	const char	*logs[ISSUE_LIST];
	size_t		 nlogs;
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
		for (i = 0; i < r->nlogs && rc == 0; i++)
			rc = issue_submit(r->logs[i], "add-chain", &der, 1,
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

static int
cmd_real(int argc, char **argv, struct err *e)
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
			add(r.logs, &r.nlogs, optarg);
		else if (c == 'm')
			r.max = strtol(optarg, NULL, 10);
		else
			return err_set(e, ERR_USAGE, "real: see README.md");
	if (r.nlogs == 0)
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

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int, char **, struct err *);
	} cmds[] = {
		{ "init", cmd_init }, { "issue", cmd_issue },
		{ "real", cmd_real }
	};
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; argc > 2 && i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		if (strcmp(cmds[i].name, argv[1]) != 0)
			continue;
		/* DIR stands where getopt wants the program's name */
		if (cmds[i].run(argc - 2, argv + 2, &e) == 0)
			return 0;
		fprintf(stderr, "ca %s: %s\n", argv[1], e.msg);
		return err_exit(e.code);
	}
	fprintf(stderr, "usage: ca init|issue|real DIR ... (README.md)\n");
	return 64;
}
