#ifndef TESTS_UNIT_PKI_ASK_H
#define TESTS_UNIT_PKI_ASK_H

#include <openssl/x509_vfy.h>

#include "pki/chain.h"
#include "tests/unit/pki/made.h"

/* Asking chain_build(), and OpenSSL, about made certificates. */

#define ASK_MAX 8

struct ask {
	const struct made	*leaf;
	const struct made	*pool[ASK_MAX];
	const struct made	*roots[ASK_MAX];	/* of one program */
	const char		*at;			/* 2026-06-01 */
	const char		*name;			/* www.example.com */
};

/* A program of these roots. */
static inline struct roots *
ask_roots(const struct made *const *m)
{
	struct roots	*r = roots_new("test");
	size_t		 i;

	for (i = 0; i < ASK_MAX && m[i] != NULL; i++)
		if (roots_add(r, buf_bytes(&m[i]->der), INT64_MIN, NULL)
		    == -1)
			abort();
	roots_done(r);
	return r;
}

/* The input as the tests usually have it; ${pool} has room for ASK_MAX. */
static inline struct chain_in
ask_in(const struct ask *a, const struct roots *const *programs,
    struct span *pool)
{
	struct chain_in	in = { .programs = programs, .nprograms = 1,
			    .first_sct = INT64_MIN, .max_depth = -1 };

	in.leaf = buf_bytes(&a->leaf->der);
	while (in.npool < ASK_MAX && a->pool[in.npool] != NULL) {
		pool[in.npool] = buf_bytes(&a->pool[in.npool]->der);
		in.npool++;
	}
	in.pool = pool;
	in.at = made_day(a->at != NULL ? a->at : "2026-06-01");
	in.name = a->name != NULL ? a->name : "www.example.com";
	return in;
}

/* The best verdict; its reason, or why there is no path, into ${why}. */
static inline int
ask_us(const struct ask *a, char *why, size_t cap)
{
	struct roots		*r = ask_roots(a->roots);
	const struct roots	*programs[1] = { r };
	const struct chain_path	*p;
	struct span		 pool[ASK_MAX];
	struct chain_in		 in = ask_in(a, programs, pool);
	struct chain		 c;
	struct err		 e = ERR_INIT;
	int			 v = -1;

	if (chain_build(&in, &c, &e) == -1)
		snprintf(why, cap, "%.200s", e.msg);
	else if ((p = chain_best(&c, r)) == NULL)
		snprintf(why, cap, "%s", c.reason);
	else {
		snprintf(why, cap, "%s", p->reason);
		v = (int)p->verdict;
	}
	chain_free(&c);
	roots_free(r);
	return v;
}

/* What X509_verify_cert says with that many of OpenSSL's own checks. */
static inline int
ask_openssl(const struct ask *a, int strict)
{
	X509_STORE		*store = X509_STORE_new();
	X509_STORE_CTX		*ctx = X509_STORE_CTX_new();
	STACK_OF(X509)		*pool = sk_X509_new_null();
	X509_VERIFY_PARAM	*p;
	size_t			 i;
	int			 r;

	for (i = 0; i < ASK_MAX && a->roots[i] != NULL; i++)
		X509_STORE_add_cert(store, a->roots[i]->x);
	for (i = 0; i < ASK_MAX && a->pool[i] != NULL; i++)
		sk_X509_push(pool, a->pool[i]->x);
	X509_STORE_CTX_init(ctx, store, a->leaf->x, pool);
	p = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(p, made_day(a->at != NULL ? a->at :
	    "2026-06-01") / CLK_SEC);
	X509_VERIFY_PARAM_set1_host(p, a->name != NULL ? a->name :
	    "www.example.com", 0);
	if (strict) {
		X509_VERIFY_PARAM_set_purpose(p, X509_PURPOSE_SSL_SERVER);
		X509_VERIFY_PARAM_set_auth_level(p, 2);
		X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT);
	}
	r = X509_verify_cert(ctx) == 1;
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_free(pool);
	return r;
}

#endif
