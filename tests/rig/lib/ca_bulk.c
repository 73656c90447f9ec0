#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include "base/mem.h"
#include "tests/rig/lib/authority.h"
#include "tests/rig/lib/ca_cmd.h"
#include "tests/rig/lib/der.h"
#include "tests/rig/lib/exts.h"
#include "tests/rig/lib/file.h"
#include "tests/rig/lib/issue.h"
#include "tests/rig/lib/key.h"
#include "tests/rig/lib/mint.h"
#include "tests/rig/lib/pub.h"
#include "tests/rig/lib/revdb.h"

/* Lines of a file, one URL each. */
struct urls {
	char		**v;
	size_t		 n, cap;
};

struct bulk {
	const char	*dir, *out, *serials, *name;
	struct urls	 ocsp, crl;
	long		 n, days, age, shards;
	struct authority ca;
	EVP_PKEY	*key;
	struct buf	 list;		/* serials, a line each */
};

static int
read_urls(struct urls *u, const char *path, struct err *e)
{
	struct buf b = BUF_INIT;
	char *line, *save = NULL;
	int rc = file_read(path, &b, e);

	for (line = rc == -1 || b.n == 0 ? NULL :
	    strtok_r((char *)b.p, "\r\n", &save); line != NULL;
	    line = strtok_r(NULL, "\r\n", &save)) {
		u->v = mem_grow(u->v, &u->cap, u->n + 1, sizeof(*u->v));
		u->v[u->n++] = mem_str(line);
	}
	buf_free(&b);
	return rc;
}

static void
free_urls(struct urls *u)
{
	size_t i;

	for (i = 0; i < u->n; i++)
		free(u->v[i]);
	free(u->v);
}

/* The i-th URL, round and round. */
static void
pick(struct issue_list *l, const struct urls *u, long i)
{
	if (u->n > 0)
		issue_add(l, u->v[(size_t)i % u->n]);
}

static X509 *
make_one(const struct bulk *k, long i, const char *serial)
{
	const char *mark = strstr(k->name, "{n}");
	char *name = mark == NULL ? mem_str(k->name) :
	    mem_printf("%.*s%ld%s", (int)(mark - k->name), k->name, i,
	    mark + 3);
	struct mint m = { NULL, NULL, NULL, k->ca.inter, k->ca.inter_key,
	    k->key, k->days, k->age, serial };
	struct issue_list ocsp = { { NULL }, 0 }, crl = { { NULL }, 0 };
	struct exts_urls urls = { &crl, &ocsp, NULL, k->shards, serial };
	struct buf san = BUF_INIT;
	X509 *x = mint_new(&m);

	pick(&ocsp, &k->ocsp, i);
	pick(&crl, &k->crl, i);
	mint_ext(x, "basicConstraints", "critical,CA:FALSE");
	mint_ext(x, "keyUsage", "critical,digitalSignature");
	mint_ext(x, "extendedKeyUsage", "serverAuth");
	exts_pointers(x, &urls);
	der_put(&san, 0x82, name, strlen(name));
	der_around(&san, 0, DER_SEQ);
	mint_raw(x, "2.5.29.17", 1, buf_bytes(&san));
	mint_sign(x, m.signer);
	buf_free(&san);
	free(name);
	return x;
}

static int
make_all(struct bulk *k, struct err *e)
{
	FILE *f = fopen(k->out, "we");
	char *serial;
	X509 *x;
	long i;
	int ok = f != NULL;

	for (i = 0; i < k->n && ok; i++) {
		serial = issue_serial();
		x = make_one(k, i, serial);
		ok = PEM_write_X509(f, x);
		buf_fmt(&k->list, "%s\n", serial);
		X509_free(x);
		free(serial);
	}
	if (f != NULL && fclose(f) != 0)
		ok = 0;
	return ok ? 0 : err_set(e, ERR_SYS, "%s: cannot write", k->out);
}

static int
bulk(struct bulk *k, struct err *e)
{
	char *key = mem_printf("%s.key", k->out);
	char *issued = pub_list(k->dir, "int", "issued.txt");
	int rc = -1;

	k->key = key_make("p256", e);
	if (authority_open(&k->ca, k->dir, e) == 0 &&
	    key_save(k->key, key, e) == 0 && make_all(k, e) == 0 &&
	    revdb_issued(issued, buf_text(&k->list), e) == 0 &&
	    (k->serials == NULL ||
	    file_write(k->serials, buf_bytes(&k->list), e) == 0))
		rc = 0;
	if (rc == 0)
		printf("{\"certificates\":%ld}\n", k->n);
	authority_free(&k->ca);
	EVP_PKEY_free(k->key);
	buf_free(&k->list);
	free(issued);
	free(key);
	return rc;
}

static int
read_args(struct bulk *k, int argc, char **argv, struct err *e)
{
	static const struct option opts[] = {
		{ "n", required_argument, NULL, 'n' },
		{ "ocsp-list", required_argument, NULL, 'o' },
		{ "crl-list", required_argument, NULL, 'c' },
		{ "out", required_argument, NULL, 'f' },
		{ "serials", required_argument, NULL, 's' },
		{ "name", required_argument, NULL, 'm' },
		{ "days", required_argument, NULL, 'd' },
		{ "age", required_argument, NULL, 'a' },
		{ "shards", required_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int c, rc = 0;

	while (rc == 0 && (c = getopt_long(argc, argv, "", opts,
	    NULL)) != -1)
		if (c == 'n')
			k->n = strtol(optarg, NULL, 10);
		else if (c == 'o')
			rc = read_urls(&k->ocsp, optarg, e);
		else if (c == 'c')
			rc = read_urls(&k->crl, optarg, e);
		else if (c == 'f')
			k->out = optarg;
		else if (c == 's')
			k->serials = optarg;
		else if (c == 'm')
			k->name = optarg;
		else if (c == 'd')
			k->days = strtol(optarg, NULL, 10);
		else if (c == 'a')
			k->age = strtol(optarg, NULL, 10);
		else if (c == 'h')
			k->shards = strtol(optarg, NULL, 10);
		else
			rc = err_set(e, ERR_USAGE, "see README.md");
	if (rc == 0 && (k->out == NULL || k->n < 1))
		rc = err_set(e, ERR_USAGE, "needs --n and --out");
	return rc;
}

int
ca_bulk(int argc, char **argv, struct err *e)
{
	struct bulk k;
	int rc;

	memset(&k, 0, sizeof(k));
	k.dir = argv[0];
	k.name = "b{n}.bulk.example";
	k.days = 90;
	rc = read_args(&k, argc, argv, e);
	if (rc == 0)
		rc = bulk(&k, e);
	free_urls(&k.ocsp);
	free_urls(&k.crl);
	return rc;
}
