#ifndef TESTS_UNIT_AUDITOR_IMPORT_FIXTURE_H
#define TESTS_UNIT_AUDITOR_IMPORT_FIXTURE_H

/* State directories of ACME clients, made here; after cmocka.h. */

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "base/sha.h"

static char	 dir[] = "/tmp/cv_import.XXXXXX";
static EVP_PKEY	*keys[6];		/* 0: of the CA */
static X509	*ca;
static time_t	 began;

/* Everything below ${path} goes. */
static void
empty_path(const char *path)
{
	struct dirent	*d;
	struct stat	 st;
	DIR		*h;
	char		*sub;

	if (lstat(path, &st) == -1)
		return;
	if (!S_ISDIR(st.st_mode)) {
		unlink(path);
		return;
	}
	chmod(path, 0700);
	if ((h = opendir(path)) == NULL)
		return;
	while ((d = readdir(h)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 ||
		    strcmp(d->d_name, "..") == 0)
			continue;
		sub = mem_printf("%s/%s", path, d->d_name);
		empty_path(sub);
		free(sub);
	}
	closedir(h);
	if (strcmp(path, dir) != 0)
		rmdir(path);
}

/* Open a file below the directory; folders above it are made. */
static FILE *
open_file(const char *name)
{
	char	*path = mem_printf("%s/%s", dir, name), *p;
	FILE	*f;

	for (p = path + strlen(dir) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		if (mkdir(path, 0700) == -1 && errno != EEXIST)
			fail_msg("%s", path);
		*p = '/';
	}
	if ((f = fopen(path, "w")) == NULL)
		fail_msg("%s", path);
	free(path);
	return f;
}

static inline void
put_text(const char *name, const char *text)
{
	FILE	*f = open_file(name);

	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	fclose(f);
}

static inline void
put_link(const char *name, const char *to)
{
	char	*path = mem_printf("%s/%s", dir, name);

	fclose(open_file(name));
	unlink(path);
	assert_int_equal(symlink(to, path), 0);
	free(path);
}

static X509 *
make_cert(int key, const char *alt, long serial)
{
	X509		*x = X509_new();
	X509_NAME	*n = X509_get_subject_name(x);
	X509_EXTENSION	*e;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	/* The same again is the same certificate. */
	ASN1_TIME_set(X509_getm_notBefore(x), began - 3600);
	ASN1_TIME_set(X509_getm_notAfter(x), began + 86400 * 30 +
	    serial * 3600);
	if (alt == NULL)
		X509_NAME_add_entry_by_txt(n, "O", MBSTRING_UTF8,
		    (const unsigned char *)"Import CA", -1, -1, 0);
	X509_set_pubkey(x, keys[key]);
	X509_set_issuer_name(x, ca != NULL ? X509_get_subject_name(ca) : n);
	e = X509V3_EXT_conf_nid(NULL, NULL, alt != NULL ?
	    NID_subject_alt_name : NID_basic_constraints, alt != NULL ? alt :
	    "critical,CA:TRUE");
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
	X509_sign(x, keys[0], EVP_sha256());
	return x;
}

/* A certificate, and with ${chain} the CA's behind it. */
static inline void
put_made(const char *name, int key, const char *alt, long serial, int chain)
{
	X509	*x = make_cert(key, alt, serial);
	FILE	*f = open_file(name);

	PEM_write_X509(f, x);
	if (chain)
		PEM_write_X509(f, ca);
	fclose(f);
	X509_free(x);
}

static inline void
put_ca(const char *name)
{
	FILE	*f = open_file(name);

	PEM_write_X509(f, ca);
	fclose(f);
}

static inline void
put_key(const char *name, int key, const char *passphrase)
{
	FILE	*f = open_file(name);

	PEM_write_PKCS8PrivateKey(f, keys[key], passphrase != NULL ?
	    EVP_aes_128_cbc() : NULL, passphrase, passphrase != NULL ?
	    (int)strlen(passphrase) : 0, NULL, NULL);
	fclose(f);
}

static inline void
put_csr(const char *name, int key, const char *alt)
{
	STACK_OF(X509_EXTENSION)	*st = sk_X509_EXTENSION_new_null();
	X509_REQ			*r = X509_REQ_new();
	FILE				*f = open_file(name);

	X509_REQ_set_pubkey(r, keys[key]);
	sk_X509_EXTENSION_push(st, X509V3_EXT_conf_nid(NULL, NULL,
	    NID_subject_alt_name, alt));
	X509_REQ_add_extensions(r, st);
	sk_X509_EXTENSION_pop_free(st, X509_EXTENSION_free);
	X509_REQ_sign(r, keys[key], EVP_sha256());
	PEM_write_X509_REQ(f, r);
	fclose(f);
	X509_REQ_free(r);
}

static inline void
spki_hash(int key, uint8_t out[32])
{
	unsigned char	*der = NULL;
	int		 n = i2d_PUBKEY(keys[key], &der);

	assert_true(n > 0);
	sha_256(out, der, (size_t)n);
	OPENSSL_free(der);
}

static void
fixture_begin(void)
{
	size_t	i;

	began = time(NULL);
	if (mkdtemp(dir) == NULL)
		abort();
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		keys[i] = EVP_EC_gen("P-256");
	ca = make_cert(0, NULL, 1);
}

static void
fixture_end(void)
{
	size_t	i;

	empty_path(dir);
	rmdir(dir);
	X509_free(ca);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		EVP_PKEY_free(keys[i]);
}

/* One of certbot's: a renewal with a new key, an order, an account. */
static inline void
make_certbot(void)
{
	put_made("archive/a.example/cert1.pem", 1, "DNS:a.example", 1, 0);
	put_made("archive/a.example/fullchain1.pem", 1, "DNS:a.example", 1,
	    1);
	put_ca("archive/a.example/chain1.pem");
	put_key("archive/a.example/privkey1.pem", 1, NULL);
	put_made("archive/a.example/cert2.pem", 2, "DNS:a.example", 2, 0);
	put_ca("archive/a.example/chain2.pem");
	put_key("archive/a.example/privkey2.pem", 2, NULL);
	put_link("live/a.example/cert.pem",
	    "../../archive/a.example/cert2.pem");
	put_link("live/a.example/privkey.pem",
	    "../../archive/a.example/privkey2.pem");
	put_text("live/README", "hello");
	put_csr("csr/0000_csr-certbot.pem", 1, "DNS:a.example");
	put_csr("csr/0001_csr-certbot.pem", 3, "DNS:b.example");
	put_key("keys/0001_key-certbot.pem", 3, NULL);
	put_text("accounts/ca.example/acme/dir/0123/regr.json",
	    "{\"body\": {}, \"uri\": \"https://ca.example/acct/1\"}");
	put_text("accounts/ca.example/acme/dir/0123/private_key.json",
	    "{\"n\": \"x\"}");
}

#endif
